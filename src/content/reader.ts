import { closeSync, fstatSync, openSync, read, readSync } from "node:fs";
import { promisify } from "node:util";
import type { ContentReader } from "../core/content.ts";
import type { Digest } from "../core/digest.ts";
import { CtrError } from "../core/errors.ts";
import { asSysError, hasErrno } from "../sys/errno.ts";

const CHUNK_BYTES = 256 * 1024;
/** What is no longer than a document is read at once: another thread would take longer to wake than to read it. */
const SYNC_BYTES = 64 * 1024;
const readAt = promisify(read);

/** Throws DataLoss when the file is missing or its length is not `size`. */
export function openBlobReader(path: string, digest: Digest, size: number): ContentReader {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch (error) {
    if (hasErrno(error, "ENOENT")) throw lostBytes(digest, "its bytes are missing");
    throw asSysError(error, path);
  }
  const actual = fstatSync(fd).size;
  if (actual !== size) {
    closeSync(fd);
    throw lostBytes(digest, `${actual} of ${size} bytes are there`);
  }
  return new BlobReader(fd, digest, size);
}

class BlobReader implements ContentReader {
  readonly size: number;
  readonly #digest: Digest;
  readonly #underWay = new Set<Promise<Uint8Array>>();
  #fd: number | undefined;

  constructor(fd: number, digest: Digest, size: number) {
    this.#fd = fd;
    this.#digest = digest;
    this.size = size;
  }

  async read(at: number, length: number): Promise<Uint8Array> {
    const wanted = Math.max(0, Math.min(length, this.size - at));
    const buffer = Buffer.allocUnsafe(wanted);
    for (let filled = 0; filled < wanted; ) {
      filled += await this.#readInto(buffer.subarray(filled), at + filled);
    }
    return buffer;
  }

  /** Reads the next chunk while the caller is busy with this one. */
  async *stream(at = 0): AsyncIterable<Uint8Array> {
    let next = this.#readAhead(at);
    for (let from = at; from < this.size; ) {
      const chunk = await next;
      from += chunk.length;
      next = this.#readAhead(from);
      yield chunk;
    }
  }

  /** Waits for a read under way: its descriptor's number could be another file's by the time it runs. */
  async [Symbol.asyncDispose](): Promise<void> {
    const fd = this.#fd;
    this.#fd = undefined;
    await Promise.allSettled(this.#underWay);
    if (fd !== undefined) closeSync(fd);
  }

  #readAhead(at: number): Promise<Uint8Array> {
    const reading = this.read(at, CHUNK_BYTES);
    this.#underWay.add(reading);
    // Whoever stops early leaves this read behind; its failure is nobody's business then.
    reading.catch(() => {}).finally(() => this.#underWay.delete(reading));
    return reading;
  }

  async #readInto(buffer: Buffer, at: number): Promise<number> {
    if (this.#fd === undefined) throw new CtrError("FailedPrecondition", `content ${this.#digest} is closed`);
    try {
      const bytesRead =
        buffer.length <= SYNC_BYTES
          ? readSync(this.#fd, buffer, 0, buffer.length, at)
          : (await readAt(this.#fd, buffer, 0, buffer.length, at)).bytesRead;
      if (bytesRead > 0) return bytesRead;
    } catch (error) {
      throw asSysError(error, this.#digest);
    }
    throw lostBytes(this.#digest, `it ends at ${at} of ${this.size} bytes`);
  }
}

function lostBytes(digest: Digest, what: string): CtrError {
  return new CtrError("DataLoss", `content ${digest}: ${what}`, {
    hint: "pull the image again: what is missing is fetched anew",
  });
}
