import type { ContentProvider, ContentReader } from "../core/content.ts";
import type { Descriptor } from "../core/descriptor.ts";
import { splitDigest } from "../core/digest.ts";
import { CtrError, hasCode } from "../core/errors.ts";
import type { PushOptions } from "../core/remotes.ts";
import { isPassing } from "./connection-errors.ts";
import { checkOnward, parseRemoteUrl } from "./origins.ts";
import type { Place } from "./place.ts";
import { statusError } from "./status-errors.ts";
import { checkStoredDigest } from "./stored-digest.ts";
import { type HttpRequest, type HttpResponse, isPassingStatus } from "./transport.ts";
import type { UploadBody } from "./upload-body.ts";

/** An answer that ends a step, until it is judged whether there is another way. */
export class Refused extends Error {
  readonly status: number;
  readonly retryAfter: string | null;
  readonly failure: CtrError;

  constructor({ status, headers }: HttpResponse, failure: CtrError) {
    super(failure.message);
    this.status = status;
    this.retryAfter = headers.get("retry-after");
    this.failure = failure;
  }
}

/** What is sent at once where a registry, or a proxy before it, takes no request of any size. */
const FIRST_CHUNK_BYTES = 32 * 1024 * 1024;
const LEAST_CHUNK_BYTES = 512 * 1024;
const ONE_TRY = { tries: 1 };
/** A registry may take less than it is sent, but not keep us with a byte at a time. */
const MOST_PARTIAL_CHUNKS = 100;

/** One blob's way into a repository: where the registry wants it, and how much of it is there. */
export class BlobUpload implements AsyncDisposable {
  /** What the registry is known to have. */
  offset = 0;
  readonly #target: Place;
  readonly #descriptor: Descriptor;
  readonly #content: ContentProvider;
  readonly #onSent: PushOptions["onSent"];
  #reader: ContentReader | undefined;
  /** Undefined before the upload has begun, or when it must begin anew. */
  #location: URL | undefined;
  /** Something was sent of which it is not known how much arrived. */
  #isUncertain = false;
  /** Undefined while everything is sent in one request. */
  #chunkBytes: number | undefined;
  #partialChunks = 0;
  /** `OCI-Chunk-Min-Length`. */
  #leastChunkBytes = LEAST_CHUNK_BYTES;

  constructor(
    target: Place,
    descriptor: Descriptor,
    content: ContentProvider,
    onSent: PushOptions["onSent"],
  ) {
    this.#target = target;
    this.#descriptor = descriptor;
    this.#content = content;
    this.#onSent = onSent;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#reader?.[Symbol.asyncDispose]();
  }

  /** False when it cannot be mounted; perhaps an upload has begun instead. Never worth failing for. */
  async mount(from: string): Promise<boolean> {
    try {
      return await this.#begin(from);
    } catch (error) {
      if (hasCode(error, "Canceled") || (!(error instanceof Refused) && !(error instanceof CtrError)))
        throw error;
      return false;
    }
  }

  /** Sends what the registry lacks and closes the upload. Throws `Refused` and `CtrError`. */
  async finish(): Promise<void> {
    if (this.#isUncertain) await this.#askOffset();
    if (!this.#location) await this.#begin();
    const { size } = this.#descriptor;
    const isWhole = this.offset === 0 && this.#chunkBytes === undefined;
    if (!isWhole) while (this.offset < size) await this.#sendChunk();
    await this.#close(isWhole ? size : 0);
  }

  /** After 413: answers whether smaller requests are left to be tried. */
  sendLessAtOnce(): boolean {
    const { size } = this.#descriptor;
    const current = this.#chunkBytes ?? size;
    if (current <= this.#leastChunkBytes) return false;
    const next =
      this.#chunkBytes === undefined ? Math.min(FIRST_CHUNK_BYTES, Math.ceil(size / 2)) : current / 4;
    this.#chunkBytes = Math.max(Math.floor(next), this.#leastChunkBytes);
    this.#startOver();
    return true;
  }

  /** Whether the failure may pass; then the next `finish` takes up from what the registry has. */
  mayGoOnAfter(error: unknown): boolean {
    if (!(error instanceof Refused)) {
      this.#isUncertain = this.#location !== undefined;
      return isPassing(error);
    }
    // It has forgotten the upload, or counts its bytes in another way than we do.
    const isLost = this.#location !== undefined && (error.status === 404 || error.status === 416);
    if (isLost) this.#startOver();
    else this.#isUncertain = this.#location !== undefined;
    return isLost || isPassingStatus(error.status);
  }

  #startOver(): void {
    this.#location = undefined;
    this.#isUncertain = false;
    this.offset = 0;
    this.#onSent?.(0);
  }

  /** Answers whether the blob was mounted. */
  async #begin(mountFrom?: string): Promise<boolean> {
    const { registry, path, scope, signal } = this.#target;
    const { digest } = this.#descriptor;
    const { algorithm } = splitDigest(digest);
    const query = new URLSearchParams(mountFrom && { mount: digest, from: mountFrom });
    if (algorithm !== "sha256") query.set("digest-algorithm", algorithm);
    const response = await registry.send({
      method: "POST",
      path: `/${path}/blobs/uploads/${query.size > 0 ? `?${query}` : ""}`,
      scope: mountFrom ? `${scope} repository:${mountFrom}:pull` : scope,
      signal,
    });
    await this.#expect(response, mountFrom ? [201, 202] : [202]);
    if (response.status === 201) return true;
    if (!response.headers.get("location")) {
      throw new CtrError("Unavailable", `registry ${registry.url.host} does not say where to upload to`);
    }
    this.#moveTo(response);
    const least = Number(response.headers.get("oci-chunk-min-length"));
    if (least > 0) this.#leastChunkBytes = Math.max(LEAST_CHUNK_BYTES, least);
    return false;
  }

  /** OCI distribution spec: a GET tells how much has arrived. Where it does not, everything is sent again. */
  async #askOffset(): Promise<void> {
    this.#isUncertain = false;
    const response = await this.#send({ method: "GET", url: this.#location! });
    await response.discard();
    const arrived = response.status === 204 ? arrivedBytes(response) : undefined;
    if (arrived === undefined || arrived > this.#descriptor.size) return this.#startOver();
    this.offset = arrived;
    this.#moveTo(response);
    this.#onSent?.(arrived);
  }

  async #sendChunk(): Promise<void> {
    const { size } = this.#descriptor;
    const sizeBytes = Math.min(this.#chunkBytes ?? size, size - this.offset);
    const end = this.offset + sizeBytes;
    const response = await this.#send({
      method: "PATCH",
      url: this.#location!,
      headers: {
        "content-type": "application/octet-stream",
        "content-range": `${this.offset}-${end - 1}`,
      },
      body: await this.#bodyOf(sizeBytes),
    });
    await this.#expect(response, [202, 201, 204]);
    this.#moveTo(response);
    const arrived = arrivedBytes(response) ?? end;
    if (arrived < end) this.#partialChunks++;
    if (arrived <= this.offset || arrived > end || this.#partialChunks > MOST_PARTIAL_CHUNKS) {
      throw new CtrError("Unavailable", `registry counts ${arrived} bytes after ${end} were sent`);
    }
    this.offset = arrived;
  }

  /** With the whole blob, or after its last chunk with nothing. */
  async #close(sizeBytes: number): Promise<void> {
    const { digest } = this.#descriptor;
    const url = new URL(this.#location!);
    // Appended as text: what a registry has put there may not survive being parsed and written again.
    url.search = `${url.search}${url.search ? "&" : "?"}digest=${encodeURIComponent(digest)}`;
    const headers = { "content-type": "application/octet-stream" };
    const body = await this.#bodyOf(sizeBytes);
    const response = await this.#send({ method: "PUT", url, headers, body });
    await this.#expect(response, [201, 200, 202, 204]);
    checkStoredDigest(response, digest);
  }

  async #bodyOf(sizeBytes: number): Promise<UploadBody | string> {
    if (sizeBytes === 0) return "";
    this.#reader ??= await this.#content.reader(this.#descriptor.digest);
    const reader = this.#reader;
    const start = this.offset;
    return { sizeBytes, open: () => section(reader, start, sizeBytes, this.#onSent) };
  }

  /** Credentials go along only where the location is the registry's own. */
  #send(request: Pick<HttpRequest, "method" | "url" | "headers" | "body">): Promise<HttpResponse> {
    const { registry, scope, signal } = this.#target;
    const { url, ...rest } = request;
    const isOwn = url.origin === registry.url.origin;
    return isOwn
      ? registry.send({ ...rest, path: url, scope, signal, pace: ONE_TRY })
      : registry.transport.send({ ...rest, url, signal, pace: ONE_TRY, isForeign: true });
  }

  async #expect(response: HttpResponse, statuses: readonly number[]): Promise<void> {
    if (statuses.includes(response.status)) return response.discard();
    throw new Refused(response, await statusError(response, this.#target.registry.transport.secrets));
  }

  #moveTo(response: HttpResponse): void {
    const location = response.headers.get("location");
    if (!location) return;
    const from = this.#target.registry.url;
    const what = `upload location of ${from.origin}`;
    const url = parseRemoteUrl(location, response.url, what);
    checkOnward(from, url, `${what} leads`);
    this.#location = url;
  }
}

/** `Range: 0-N`. Undefined without it, and for `0-0`, which registries also say when nothing has arrived. */
function arrivedBytes({ headers }: HttpResponse): number | undefined {
  const match = /^(?:bytes=)?0-(\d{1,16})$/.exec(headers.get("range") ?? "");
  return match && match[1] !== "0" ? Number(match[1]) + 1 : undefined;
}

async function* section(
  reader: ContentReader,
  start: number,
  sizeBytes: number,
  onSent: PushOptions["onSent"],
): AsyncGenerator<Uint8Array> {
  let left = sizeBytes;
  for await (const chunk of reader.stream(start)) {
    const piece = chunk.subarray(0, left);
    left -= piece.length;
    yield piece;
    onSent?.(start + sizeBytes - left);
    if (left === 0) return;
  }
  throw new CtrError("DataLoss", `content ends ${left} bytes too early`);
}
