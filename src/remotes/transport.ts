import { CtrError } from "../core/errors.ts";
import { canceled, pause, retryDelayMs } from "./backoff.ts";
import { readBody } from "./body.ts";
import { ClientPairs } from "./client-pairs.ts";
import { connectionError, isPassing, Stalled } from "./connection-errors.ts";
import { HttpLog } from "./http-log.ts";
import { DEFAULT_PACE, type Pace, type RemoteOptions } from "./options.ts";
import { checkOnward, parseRemoteUrl, showUrl } from "./origins.ts";
import { exemptLoopbackFromProxy } from "./proxy.ts";
import { Secrets } from "./secrets.ts";
import { type TlsFiles, type TlsSettings, tlsFilesOf, withoutIdentity } from "./tls.ts";
import { type BodyStream, streamBody, type UploadBody } from "./upload-body.ts";

export interface HttpRequest {
  method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH";
  url: URL;
  headers?: Readonly<Record<string, string>>;
  /** Sent to the origin of `url`, and nowhere else along redirects. */
  authorization?: string;
  /** Headers that an administrator has set for this host; they may hold keys, and go no further than `authorization`. */
  hostHeaders?: Readonly<Record<string, string>>;
  /** In place of what the transport was opened with. */
  tls?: TlsFiles;
  body?: string | Uint8Array | UploadBody;
  /** To a host that a manifest named: our client certificate is none of its business. */
  isForeign?: boolean;
  signal?: AbortSignal;
  /** Less patience than the transport's, for a question that has another way to be asked. */
  pace?: Partial<Pick<Pace, "tries" | "responseMs">>;
}

export interface HttpResponse {
  method: string;
  status: number;
  statusText: string;
  headers: Headers;
  /** Where the answer came from, after redirects. */
  url: URL;
  /** Throws a `CtrError` when the connection breaks or stalls; ending the iteration ends the connection. */
  body(): AsyncIterable<Uint8Array>;
  /** The whole body as text. Throws ResourceExhausted beyond `mostBytes`. */
  text(mostBytes: number): Promise<string>;
  /** Lets go of the body; every response ends in one of these three. */
  discard(): Promise<void>;
}

const MAX_REDIRECTS = 10;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
/** RFC 9110, 15.4: these two alone keep method and body. */
const KEEPING_REDIRECTS: ReadonlySet<number> = new Set([307, 308]);
const PASSING_STATUSES: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504]);

/** Whether the same request may do better a little later. */
export const isPassingStatus = (status: number): boolean => PASSING_STATUSES.has(status);

/** Sends requests: times out, follows redirects, tries again what may pass. Statuses are the caller's to judge. */
export class Transport {
  readonly secrets = new Secrets();
  readonly log: HttpLog;
  readonly pace: Pace;
  readonly #tlsFiles: TlsFiles;
  readonly #clientPairs = new ClientPairs();

  constructor(options: RemoteOptions) {
    this.#tlsFiles = tlsFilesOf(options);
    this.pace = { ...DEFAULT_PACE, ...options.pace };
    this.log = new HttpLog(options, this.secrets);
    exemptLoopbackFromProxy();
  }

  /**
   * Answers the last response of a few tries, whatever its status. Throws Unavailable, DeadlineExceeded or
   * PermissionDenied (certificates, redirects to where none may go) when there is none, Canceled by the signal.
   */
  async send(request: HttpRequest): Promise<HttpResponse> {
    const { tries } = { ...this.pace, ...request.pace };
    for (let next = 2; ; next++) {
      const isLast = next > tries || request.method === "POST";
      const outcome = await this.#follow(request).catch((error: unknown) => {
        if (isLast || !isPassing(error)) throw error;
        return error as CtrError;
      });
      const isAnswer = !(outcome instanceof CtrError);
      if (isAnswer && (isLast || !isPassingStatus(outcome.status))) return outcome;
      const delayMs = retryDelayMs(next, isAnswer ? outcome.headers.get("retry-after") : null, this.pace);
      if (isAnswer && delayMs === undefined) return outcome;
      if (isAnswer) await outcome.discard();
      const why = isAnswer ? `status ${outcome.status}` : outcome.message;
      this.log.event(`try ${next} of ${tries} in ${Math.round(delayMs ?? 0)} ms: ${why}`);
      await pause(delayMs ?? 0, request.signal);
    }
  }

  async #follow(request: HttpRequest): Promise<HttpResponse> {
    let { url, authorization, hostHeaders } = request;
    const followed = redirectsToFollow(request);
    for (let hops = 0; ; hops++) {
      const isOwnOrigin = url.origin === request.url.origin && !request.isForeign;
      const response = await this.#secured({ ...request, url, authorization, hostHeaders }, isOwnOrigin);
      const location = response.headers.get("location");
      if (!followed?.has(response.status) || !location) return response;
      await response.discard();
      const from = `redirect from ${showUrl(url)}`;
      const target = parseRemoteUrl(location, url, from);
      checkOnward(url, target, from);
      this.secrets.addSignature(target);
      if (hops >= MAX_REDIRECTS)
        throw new CtrError("Unavailable", `${from}: more than ${MAX_REDIRECTS} in a row`);
      this.log.event(`${from} to ${showUrl(target)}`);
      // Once elsewhere, a way back may be of somebody else's making: what was let go of stays so.
      if (target.origin !== url.origin) authorization = hostHeaders = undefined;
      url = target;
    }
  }

  #secured(request: HttpRequest, isOwnOrigin: boolean): Promise<HttpResponse> {
    if (request.url.protocol !== "https:") return this.#once(request);
    return this.#clientPairs.send(request.tls ?? this.#tlsFiles, (settings) =>
      this.#once(request, isOwnOrigin ? settings : withoutIdentity(settings)),
    );
  }

  async #once(request: HttpRequest, tls?: TlsSettings): Promise<HttpResponse> {
    const { method, url, signal } = request;
    const headers = this.#headers(request);
    this.log.request(method, url, headers, Object.keys(request.hostHeaders ?? {}));
    const ours = new AbortController();
    const timeoutMs = isUpload(request.body)
      ? this.pace.uploadMs
      : (request.pace?.responseMs ?? this.pace.responseMs);
    const timer = setTimeout(() => ours.abort(new Stalled(`no answer in ${timeoutMs} ms`)), timeoutMs);
    const startedAt = performance.now();
    let upload: BodyStream | undefined;
    try {
      if (isUpload(request.body)) upload = streamBody(request.body, () => timer.refresh());
      const response = await fetch(url, {
        method,
        headers,
        body: upload?.stream ?? (request.body as string | undefined),
        redirect: "manual",
        decompress: false,
        // Bun's own limit of 5 minutes is for the whole exchange; ours are above and in the body.
        timeout: false,
        signal: signal ? AbortSignal.any([signal, ours.signal]) : ours.signal,
        tls,
      } as BunFetchRequestInit);
      this.log.response(response.status, response.statusText, response.headers);
      this.log.event(
        `${method} ${showUrl(url)}: ${response.status} in ${Math.round(performance.now() - startedAt)} ms`,
      );
      return this.#response(response, request, ours);
    } catch (cause) {
      throw this.#failure(upload?.failure() ?? cause, method, url, signal);
    } finally {
      clearTimeout(timer);
    }
  }

  #headers({ headers: asked, hostHeaders, authorization, body }: HttpRequest): Headers {
    const headers = new Headers({ "user-agent": "ctr", ...hostHeaders });
    for (const [name, value] of Object.entries(asked ?? {})) headers.set(name, value);
    // Blobs are named by the digest of their own bytes, whatever is done to them on the way.
    headers.set("accept-encoding", "identity");
    if (authorization) headers.set("authorization", authorization);
    if (isUpload(body)) headers.set("content-length", `${body.sizeBytes}`);
    return headers;
  }

  #response(response: Response, { method, url, signal }: HttpRequest, ours: AbortController): HttpResponse {
    const { status, statusText, headers } = response;
    const failure = (cause: unknown) => this.#failure(cause, method, url, signal);
    const body = () => readBody(response, { ours, stallMs: this.pace.stallMs, failure });
    return {
      method,
      status,
      statusText,
      headers,
      url,
      body,
      text: async (mostBytes) => new TextDecoder().decode(await collect(body(), mostBytes, showUrl(url))),
      discard: async () => {
        // A short body read to its end leaves a connection that the next request can use.
        const isShort = Number(headers.get("content-length") ?? Infinity) <= MOST_DISCARDED_BYTES;
        if (isShort) await collect(body(), MOST_DISCARDED_BYTES, "").catch(() => {});
        else await response.body?.cancel().catch(() => {});
      },
    };
  }

  #failure(cause: unknown, method: string, url: URL, signal: AbortSignal | undefined): CtrError {
    if (cause instanceof CtrError) return cause;
    if (!signal?.aborted) return connectionError(cause, method, url);
    return canceled(signal, `${method} ${showUrl(url)}`, cause);
  }
}

const MOST_DISCARDED_BYTES = 64 * 1024;

function isUpload(body: HttpRequest["body"]): body is UploadBody {
  return typeof body === "object" && "open" in body;
}

/** A POST's body is a question with a secret in it, which goes nowhere else. */
function redirectsToFollow({ method, body }: HttpRequest): ReadonlySet<number> | undefined {
  if (method === "GET" || method === "HEAD") return REDIRECTS;
  return method === "POST" && body ? undefined : KEEPING_REDIRECTS;
}

/** Throws ResourceExhausted beyond `mostBytes`, without reading further. */
export async function collect(
  body: AsyncIterable<Uint8Array>,
  mostBytes: number,
  subject: string,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of body) {
    sizeBytes += chunk.length;
    if (sizeBytes > mostBytes)
      throw new CtrError("ResourceExhausted", `${subject}: more than ${mostBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
