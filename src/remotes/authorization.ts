import { CtrError } from "../core/errors.ts";
import { type Challenge, parseChallenges } from "./challenge.ts";
import type { RegistryHost } from "./hosts.ts";
import type { Credentials, RemoteOptions } from "./options.ts";
import { basicAuthorization, checkSecrecy, fetchToken, type Token, type TokenQuestion } from "./tokens.ts";
import type { Transport } from "./transport.ts";

/** What was agreed with a registry for one scope; a token is shared by all requests of that scope. */
interface Agreement {
  question: TokenQuestion;
  token: Promise<Token>;
}

/**
 * Learns from a registry's challenges how it wants to be spoken to, for the time of one command. Credentials are
 * asked for once, and go to that registry and the realm it names; a token is renewed when it expires.
 */
export class Authorizer {
  readonly #transport: Transport;
  readonly #options: RemoteOptions;
  readonly #host: RegistryHost;
  readonly #repository: string;
  readonly #agreements = new Map<string, Agreement>();
  #basic: string | undefined;
  #credentials: Promise<Credentials | undefined> | undefined;

  constructor(transport: Transport, options: RemoteOptions, host: RegistryHost, repository: string) {
    this.#transport = transport;
    this.#options = options;
    this.#host = host;
    this.#repository = repository;
  }

  /** What to send with a request; undefined before the registry has asked for anything. */
  async header(registry: URL, scope: string, signal?: AbortSignal): Promise<string | undefined> {
    const agreement = this.#agreements.get(scope);
    if (!agreement) return this.#basic;
    let token = await agreement.token;
    if (token.expiresAt <= performance.now()) {
      // Of many requests that find it expired, one renews it.
      if (this.#agreements.get(scope) === agreement) this.#agree(registry, scope, agreement.question, signal);
      token = await this.#agreements.get(scope)!.token;
    }
    return `Bearer ${token.value}`;
  }

  /**
   * Takes in a 401. Answers whether there is something new to try; `sent` is what was refused. Throws
   * Unauthenticated and PermissionDenied when the challenge cannot or must not be met.
   */
  async challenged(
    registry: URL,
    scope: string,
    header: string | null,
    sent: string | undefined,
    signal?: AbortSignal,
  ): Promise<boolean> {
    const current = await this.header(registry, scope, signal).catch(() => undefined);
    if (current !== sent) return true;
    const challenges = parseChallenges(header ?? "");
    const bearer = challenges.find(({ scheme, parameters }) => scheme === "bearer" && parameters.realm);
    if (bearer) {
      this.#agree(registry, scope, questionOf(bearer, scope), signal);
      return (await this.header(registry, scope, signal)) !== sent;
    }
    const isBasic = challenges.some(({ scheme }) => scheme === "basic");
    return isBasic && this.#useBasic(registry, sent);
  }

  #agree(registry: URL, scope: string, question: TokenQuestion, signal?: AbortSignal): void {
    const token = this.#askCredentials().then((credentials) => {
      if (credentials?.registryToken) {
        checkSecrecy(registry, this.#host);
        return { value: credentials.registryToken, expiresAt: Infinity };
      }
      this.#transport.log.event(
        `asks ${question.realm.split("?")[0]} for a token: ${question.scopes.join(" ")}`,
      );
      return fetchToken(this.#transport, { registry, host: this.#host }, question, credentials, signal);
    });
    const agreement = { question, token };
    this.#agreements.set(scope, agreement);
    token.catch(() => {
      if (this.#agreements.get(scope) === agreement) this.#agreements.delete(scope);
    });
  }

  async #useBasic(registry: URL, sent: string | undefined): Promise<boolean> {
    const credentials = await this.#askCredentials();
    if (!credentials || credentials.registryToken || sent) return false;
    checkSecrecy(registry, this.#host);
    this.#basic = basicAuthorization(credentials);
    return true;
  }

  #askCredentials(): Promise<Credentials | undefined> {
    this.#credentials ??= this.#readCredentials();
    return this.#credentials;
  }

  async #readCredentials(): Promise<Credentials | undefined> {
    const credentials = await this.#options.credentials?.(this.#host.credentialHost, this.#repository);
    if (!credentials) return undefined;
    const basic = basicAuthorization(credentials);
    const { secret, registryToken = "" } = credentials;
    this.#transport.secrets.add(secret, registryToken, basic, basic.slice("Basic ".length));
    return credentials;
  }
}

/**
 * The registry knows best which scope it wants; one that names none gets the one we need. Of the repository that both
 * name, all that we need is asked for at once: a HEAD is answered with `pull`, though a push follows.
 */
function questionOf({ parameters }: Challenge, scope: string): TokenQuestion {
  const { realm = "", service, scope: asked } = parameters;
  const needed = splitScopes(scope);
  const scopes = splitScopes(asked || scope).map(({ resource, actions }) => {
    const ours = needed.find((other) => other.resource === resource)?.actions ?? [];
    return `${resource}:${[...new Set([...actions, ...ours])].join(",")}`;
  });
  return { realm, service, scopes };
}

/** `repository:NAME:pull,push`, separated by blanks; names may hold colons. */
function splitScopes(text: string): { resource: string; actions: string[] }[] {
  return text
    .split(/\s+/)
    .filter(Boolean)
    .map((scope) => {
      const colon = scope.lastIndexOf(":");
      return { resource: scope.slice(0, colon), actions: scope.slice(colon + 1).split(",") };
    });
}

/** The end of a request that no authorization helped. */
export function refusal(cause: CtrError, action: "pull" | "push" = "pull"): CtrError {
  const words = `${action} access denied, repository does not exist or may require authorization`;
  return new CtrError(cause.code, words, {
    cause,
    hint: "give credentials with --user NAME:SECRET, or check those given",
  });
}
