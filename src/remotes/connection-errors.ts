import { CtrError, type ErrorCode } from "../core/errors.ts";
import { showUrl } from "./origins.ts";

/** Put on an AbortController by our own timers, so that it arrives where the connection's errors do. */
export class Stalled extends Error {
  readonly code = "ETIMEDOUT";
}

interface Meaning {
  code: ErrorCode;
  /** As Go's net package says it, which is what users of ctr search for. */
  words: (url: URL) => string;
  hint?: string;
}

const PLAIN_HINT =
  "use --plain-http if it speaks http; --tlscert and --tlskey if it wants a client certificate";
const TRUST_HINT = "give the authority's certificate with --tlscacert, or trust anything with --skip-verify";
const REACH_HINT = "check the registry's name and port, and the network or proxy on the way to it";

const MEANINGS: Readonly<Record<string, Meaning>> = {
  ECONNREFUSED: {
    code: "Unavailable",
    words: ({ host }) => `dial tcp ${host}: connect: connection refused`,
    hint: REACH_HINT,
  },
  ENOTFOUND: {
    code: "Unavailable",
    words: ({ hostname }) => `dial tcp: lookup ${hostname}: no such host`,
    hint: REACH_HINT,
  },
  ECONNRESET: { code: "Unavailable", words: () => "connection reset by peer" },
  ETIMEDOUT: { code: "DeadlineExceeded", words: () => "timeout awaiting response", hint: REACH_HINT },
  EPROTO: {
    code: "Unavailable",
    words: () => "server gave HTTP response to HTTPS client, or refused the handshake",
    hint: PLAIN_HINT,
  },
  ERR_TLS_CERT_ALTNAME_INVALID: {
    code: "PermissionDenied",
    words: ({ hostname }) => `tls: certificate is not valid for ${hostname}`,
    hint: "name the registry as its certificate does, or trust anything with --skip-verify",
  },
  CERT_HAS_EXPIRED: {
    code: "PermissionDenied",
    words: () => "tls: certificate has expired",
    hint: "renew the registry's certificate, check this machine's clock, or trust anything with --skip-verify",
  },
};
const CERTIFICATE_CODE = /CERT|SIGNATURE|ISSUER|SELF_SIGNED|CHAIN/;
const PASSING_CODES: ReadonlySet<string> = new Set(["ECONNRESET", "ETIMEDOUT", "EPIPE", "EAI_AGAIN"]);

const OTHER_SCHEME_CODES: ReadonlySet<string> = new Set([
  "EPROTO",
  "ECONNRESET",
  "ETIMEDOUT",
  "Malformed_HTTP_Response",
]);

/** What fetch threw, with a class: `failed to do request: Head "URL": dial tcp …`. */
export function connectionError(cause: unknown, method: string, url: URL): CtrError {
  const { code, words, hint } = meaningOf(cause, url);
  const verb = `${method[0]}${method.slice(1).toLowerCase()}`;
  return new CtrError(code, `failed to do request: ${verb} "${showUrl(url)}": ${words}`, { cause, hint });
}

function meaningOf(cause: unknown, url: URL): { code: ErrorCode; words: string; hint?: string } {
  const failure = codeOf(cause);
  const known = MEANINGS[failure];
  if (known) return { code: known.code, words: known.words(url), hint: known.hint };
  if (CERTIFICATE_CODE.test(failure)) {
    const words = `tls: failed to verify certificate: ${failure.toLowerCase().replaceAll("_", " ")}`;
    return { code: "PermissionDenied", words, hint: TRUST_HINT };
  }
  const words = cause instanceof Error ? cause.message.split(/[.\n]/)[0] : String(cause);
  return { code: "Unavailable", words: failure ? failure.replaceAll("_", " ") : `${words}` };
}

/** Whether trying again may help: the connection broke or said nothing; not that there is none to be had. */
export function isPassing(error: unknown): boolean {
  return error instanceof CtrError && PASSING_CODES.has(codeOf(error.cause));
}

/** Whether a server broke off because of who we are, or showed no certificate at all. TLS 1.3 tells late: as a reset. */
export function isHandshakeRefused(error: unknown): boolean {
  return error instanceof CtrError && ["EPROTO", "ECONNRESET"].includes(codeOf(error.cause));
}

export function isRefused(error: unknown): boolean {
  return error instanceof CtrError && codeOf(error.cause) === "ECONNREFUSED";
}

/** Whether a server may have been spoken to in the wrong one of http and https. */
export function mayBeOtherScheme(error: CtrError): boolean {
  return OTHER_SCHEME_CODES.has(codeOf(error.cause));
}

function codeOf(cause: unknown): string {
  const code = (cause as { code?: unknown } | undefined)?.code;
  return typeof code === "string" ? code : "";
}
