import { CtrError } from "../core/errors.ts";
import { Authorizer } from "./authorization.ts";
import { mayBeOtherScheme } from "./connection-errors.ts";
import type { RegistryHost } from "./hosts.ts";
import type { RemoteOptions } from "./options.ts";
import { type HttpRequest, type HttpResponse, isPassingStatus, type Transport } from "./transport.ts";

export interface RegistryRequest extends Omit<HttpRequest, "url" | "authorization" | "hostHeaders" | "tls"> {
  /** Below `/v2`, with a slash at the start; or in full, on the registry's own origin, as it had it in an answer. */
  path: string | URL;
  /** What a token must allow, in the token spec's words: `repository:library/busybox:pull`. */
  scope: string;
}

/** Patience for the question which scheme a loopback registry speaks: it answers at once, if not always well. */
const PROBE_PACE = { tries: 1, responseMs: 5_000 };
/** What servers answer to http on their https port. */
const REFUSED_SCHEME_STATUS = 400;
/** A token that was just renewed and is refused again will not get better. */
const MAX_CHALLENGES = 2;

/** One registry, as this command has come to know it: its scheme, and what it lets us do. */
export class Registry {
  readonly host: RegistryHost;
  readonly #transport: Transport;
  readonly #authorizer: Authorizer;
  #base: string;
  #isSchemeKnown: boolean;
  #dialed: Promise<void> | undefined;

  /** `repository` says which credentials are wanted: stored ones may be for some of a host's. */
  constructor(host: RegistryHost, repository: string, transport: Transport, options: RemoteOptions) {
    this.host = host;
    this.#transport = transport;
    this.#authorizer = new Authorizer(transport, options, host, repository);
    transport.secrets.add(...Object.values(host.headers ?? {}).filter(isLikelyKey));
    this.#base = host.base;
    this.#isSchemeKnown = host.otherBase === undefined;
  }

  get transport(): Transport {
    return this.#transport;
  }

  /** Where its paths begin, by the scheme it was found to speak. */
  get url(): URL {
    return new URL(this.#base);
  }

  /** Answers whatever the status, 401 included when nothing helps against it. Throws as `Transport.send`. */
  async send(request: RegistryRequest): Promise<HttpResponse> {
    const { dialTimeoutMs } = this.host;
    if (dialTimeoutMs) {
      this.#dialed ??= this.#dial(dialTimeoutMs);
      await this.#dialed;
    }
    const answer = this.#isSchemeKnown ? undefined : await this.#sendFindingScheme(request);
    return answer ?? this.#sendAuthorized(this.#base, request);
  }

  /**
   * Undefined when neither scheme got an answer worth keeping: then the request is sent again with all patience, and
   * by `#base`, which is left as it was when neither is spoken, so that its errors are the ones to show.
   */
  async #sendFindingScheme(request: RegistryRequest): Promise<HttpResponse | undefined> {
    for (const base of [this.host.base, this.host.otherBase!]) {
      const outcome = await this.#sendAuthorized(base, { ...request, pace: PROBE_PACE }).catch(
        (error: CtrError) => error,
      );
      if (outcome instanceof CtrError) {
        if (mayBeOtherScheme(outcome)) continue;
        throw outcome;
      }
      const isRefused = outcome.status === REFUSED_SCHEME_STATUS;
      if (!isRefused) {
        this.#base = base;
        this.#isSchemeKnown = true;
        if (!isPassingStatus(outcome.status)) return outcome;
      }
      await outcome.discard();
      if (!isRefused) return undefined;
    }
    return undefined;
  }

  async #sendAuthorized(base: string, request: RegistryRequest): Promise<HttpResponse> {
    const { path, scope, ...rest } = request;
    for (let challenges = 0; ; challenges++) {
      const url = this.#urlOf(base, path);
      const authorization = await this.#authorizer.header(url, scope, rest.signal);
      const { headers: hostHeaders, tls } = this.host;
      const response = await this.#transport.send({ ...rest, url, authorization, hostHeaders, tls });
      const isOwn = response.url.origin === url.origin;
      if (response.status !== 401 || !isOwn || challenges === MAX_CHALLENGES) return response;
      const header = response.headers.get("www-authenticate");
      if (!(await this.#authorizer.challenged(url, scope, header, authorization, rest.signal)))
        return response;
      await response.discard();
    }
  }

  #urlOf(base: string, path: string | URL): URL {
    if (path instanceof URL) return path;
    const url = new URL(base + path);
    if (this.host.namespace) url.searchParams.set("ns", this.host.namespace);
    return url;
  }

  async #dial(timeoutMs: number): Promise<void> {
    const { dial } = await import("./dial.ts");
    await dial(this.url, timeoutMs);
  }
}

/** Short values of headers are words such as `true`, which would be taken out of every message. */
const isLikelyKey = (value: string): boolean => value.length >= 8;
