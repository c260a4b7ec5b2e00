import {
  type Answer,
  type HostileRegistry,
  type SeenRequest,
  startHostileRegistry,
} from "./hostile-registry.ts";

export interface TokenServerOptions {
  /** Refuse all others; anonymous clients get a token without it. */
  credentials?: { username: string; password: string };
  /** Take this by POST, as OAuth2 has it. */
  refreshToken?: string;
  /** 405 to POST. */
  getOnly?: boolean;
  expiresInS?: number;
}

export interface TokenServer extends HostileRegistry {
  /** For the challenge. */
  readonly realm: string;
  /** Whether the server gave that out in an `Authorization: Bearer …`, for a scope that includes this one. */
  isValid(authorization: string | undefined, scope: string): boolean;
  /** From now on, what it gave out is worth nothing. */
  revoke(): void;
}

/** A server of the Docker token specification (GET and OAuth2's POST), with tokens that mean something. */
export async function startTokenServer(options: TokenServerOptions = {}): Promise<TokenServer> {
  const given = new Map<string, string[]>();
  const give = (scopes: string[]): Answer => {
    const token = `secret-token-${given.size + 1}-${Math.random().toString(36).slice(2)}`;
    given.set(token, scopes);
    return { body: JSON.stringify({ token, expires_in: options.expiresInS ?? 300 }) };
  };
  const server = await startHostileRegistry({
    "GET /token": (request) => {
      const isLetIn = !options.credentials || request.headers.authorization === basic(options.credentials);
      if (!isLetIn) return refuse();
      return give(new URL(request.path, "http://x").searchParams.getAll("scope"));
    },
    "POST /token": (request) => {
      if (options.getOnly) return { status: 405 };
      const form = new URLSearchParams(request.body);
      const isLetIn =
        form.get("grant_type") === "refresh_token" && form.get("refresh_token") === options.refreshToken;
      return isLetIn ? give((form.get("scope") ?? "").split(" ")) : refuse();
    },
  });
  return {
    ...server,
    realm: `${server.url}/token`,
    isValid: (authorization, scope) =>
      given.get(authorization?.replace(/^Bearer /, "") ?? "")?.includes(scope) ?? false,
    revoke: () => given.clear(),
  };
}

/** Guards an answer by the tokens of a server. */
export function guarded(
  tokens: TokenServer,
  scope: string,
  answer: Answer,
): (request: SeenRequest) => Answer {
  const challenge = `Bearer realm="${tokens.realm}",service="test",scope="${scope}"`;
  return ({ headers }) =>
    tokens.isValid(headers.authorization, scope)
      ? answer
      : {
          status: 401,
          headers: { "www-authenticate": challenge },
          body: '{"errors":[{"code":"UNAUTHORIZED"}]}',
        };
}

function basic({ username, password }: { username: string; password: string }): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}

function refuse(): Answer {
  return { status: 401, body: '{"details":"incorrect username or password"}' };
}
