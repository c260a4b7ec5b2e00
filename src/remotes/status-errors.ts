import { CtrError, type ErrorCode } from "../core/errors.ts";
import { showUrl } from "./origins.ts";
import type { Secrets } from "./secrets.ts";
import type { HttpResponse } from "./transport.ts";

const MOST_ERROR_BYTES = 16 * 1024;

const CODES: Readonly<Record<number, ErrorCode>> = {
  400: "InvalidArgument",
  401: "Unauthenticated",
  403: "PermissionDenied",
  404: "NotFound",
  405: "NotImplemented",
  408: "DeadlineExceeded",
  410: "NotFound",
  413: "ResourceExhausted",
  416: "InvalidArgument",
  429: "ResourceExhausted",
  501: "NotImplemented",
};

const HINTS: Readonly<Record<number, string>> = {
  401: "check the credentials given with --user NAME:SECRET",
  403: "check that the account of --user may do this, or give one",
  429: "wait, or give an account with --user: registries allow more to those they know",
};

/** An answer that is no success, with a class, the registry's own words, and its connection put back. */
export async function statusError(response: HttpResponse, secrets: Secrets): Promise<CtrError> {
  const { status, method, url } = response;
  const body = await response.text(MOST_ERROR_BYTES).catch(() => "");
  const words = registryWords(body, secrets);
  const said = words && `: ${words}`;
  const subject = `unexpected status from ${method} request to ${showUrl(url)}: ${status} ${statusText(response, secrets)}`;
  const code = CODES[status] ?? (status >= 500 ? "Unavailable" : "Unknown");
  const isTls = status === 400 && /HTTPS? (?:request|port)/i.test(body) && url.protocol === "http:";
  const hint = isTls ? "the server speaks https: leave out --plain-http" : HINTS[status];
  return new CtrError(code, `${subject.trimEnd()}${said}`, { hint });
}

function statusText({ statusText, headers }: HttpResponse, secrets: Secrets): string {
  const wait = headers.get("retry-after");
  const after = wait ? ` (retry after ${secrets.quote(wait, 40)})` : "";
  return `${secrets.quote(statusText, 60)}${after}`;
}

/** OCI distribution spec, "Error Codes": `{"errors":[{"code","message"}]}`; token servers have `details`, `message` or OAuth's. */
function registryWords(body: string, secrets: Secrets): string {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    return "";
  }
  const document = asObject(parsed);
  const errors = Array.isArray(document.errors) ? document.errors.slice(0, 3) : [document];
  const lines = errors.map((error) => {
    const { code, message, details, error: name, error_description: description } = asObject(error);
    const parts = [code ?? name, message ?? details ?? description];
    return parts.filter((part) => typeof part === "string" && part !== "").join(": ");
  });
  return secrets.quote(lines.filter(Boolean).join(", "));
}

const asObject = (value: unknown): Record<string, unknown> =>
  typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
