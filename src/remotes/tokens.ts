import { CtrError, withSubject } from "../core/errors.ts";
import type { RegistryHost } from "./hosts.ts";
import type { Credentials } from "./options.ts";
import { checkOnward, isLoopback, parseRemoteUrl, showUrl } from "./origins.ts";
import { statusError } from "./status-errors.ts";
import type { HttpResponse, Transport } from "./transport.ts";

export interface Token {
  value: string;
  /** By `performance.now()`. */
  expiresAt: number;
}

export interface TokenQuestion {
  realm: string;
  service: string | undefined;
  scopes: readonly string[];
}

const MOST_TOKEN_BYTES = 1024 * 1024;
/** The Docker token spec's default, and so the least a server can have meant. */
const SHORTEST_LIFE_S = 60;
const EXPIRY_MARGIN_MS = 5_000;
const CLIENT_ID = "ctr";

/**
 * Asks a token server, as the Docker token and OAuth2 specs have it. Throws PermissionDenied for a realm that the
 * registry may not send us to, Unauthenticated for wrong credentials.
 */
export async function fetchToken(
  transport: Transport,
  { registry, host }: { registry: URL; host: RegistryHost },
  question: TokenQuestion,
  credentials: Credentials | undefined,
  signal: AbortSignal | undefined,
): Promise<Token> {
  const realm = parseRemoteUrl(question.realm, undefined, `token realm of ${registry.origin}`);
  checkOnward(registry, realm, `token realm of ${registry.origin} leads`);
  if (credentials) checkSecrecy(realm, host);
  const response = await ask(transport, realm, host, question, credentials, signal);
  if (response.status !== 200) {
    const failure = await statusError(response, transport.secrets);
    throw withSubject("failed to authorize: failed to fetch oauth token", failure);
  }
  return readToken(response, transport);
}

/** Throws PermissionDenied when credentials would cross the network in the clear and nobody chose that. */
export function checkSecrecy(url: URL, host: RegistryHost): void {
  if (url.protocol === "https:" || host.isPlainChosen || isLoopback(url)) return;
  throw new CtrError(
    "PermissionDenied",
    `credentials for ${host.credentialHost} in the clear to ${showUrl(url)}`,
    {
      hint: "use --plain-http if this is what you want",
    },
  );
}

async function ask(
  transport: Transport,
  realm: URL,
  { tls }: RegistryHost,
  question: TokenQuestion,
  credentials: Credentials | undefined,
  signal: AbortSignal | undefined,
): Promise<HttpResponse> {
  if (credentials?.username === "") {
    const body = new URLSearchParams({
      grant_type: "refresh_token",
      refresh_token: credentials.secret,
      client_id: CLIENT_ID,
      service: question.service ?? "",
      scope: question.scopes.join(" "),
    });
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    const response = await transport.send({
      method: "POST",
      url: realm,
      tls,
      headers,
      body: body.toString(),
      signal,
    });
    // Some registries know GET only, and take the token as a password there.
    if (response.status !== 404 && response.status !== 405) return response;
    await response.discard();
  }
  const url = new URL(realm);
  if (question.service) url.searchParams.set("service", question.service);
  for (const scope of question.scopes) url.searchParams.append("scope", scope);
  const authorization = credentials && basicAuthorization(credentials);
  return transport.send({ method: "GET", url, tls, authorization, signal });
}

export function basicAuthorization({ username, secret }: Credentials): string {
  return `Basic ${Buffer.from(`${username}:${secret}`).toString("base64")}`;
}

async function readToken(response: HttpResponse, transport: Transport): Promise<Token> {
  const text = await response.text(MOST_TOKEN_BYTES);
  let answer: Record<string, unknown> | undefined;
  try {
    answer = JSON.parse(text);
  } catch {
    answer = undefined;
  }
  const value = answer?.token || answer?.access_token;
  if (typeof value !== "string" || !/^[\x21-\x7e]+$/.test(value)) {
    throw new CtrError(
      "Unavailable",
      `failed to authorize: no token in the answer of ${showUrl(response.url)}`,
    );
  }
  transport.secrets.add(value);
  const lifeS = Number(answer?.expires_in);
  const lifeMs = (lifeS > 0 ? lifeS : SHORTEST_LIFE_S) * 1000;
  return { value, expiresAt: performance.now() + Math.max(lifeMs - EXPIRY_MARGIN_MS, lifeMs / 2) };
}
