import { closeSync, openSync, read } from "node:fs";
import { promisify } from "node:util";
import type { Digest } from "../core/digest.ts";
import { asSysError } from "../sys/errno.ts";

export const DEFAULT_ALGORITHM = "sha256";

const READ_BYTES = 1024 * 1024;
const readAt = promisify(read);

/** Bun's own: as fast as Node's, and there without loading node:crypto. */
export class ContentHash {
  readonly algorithm: string;
  readonly #hasher: Bun.CryptoHasher;

  constructor(algorithm: string) {
    this.algorithm = algorithm;
    this.#hasher = new Bun.CryptoHasher(algorithm as Bun.SupportedCryptoAlgorithms);
  }

  update(chunk: Uint8Array): void {
    this.#hasher.update(chunk);
  }

  /** Ends it. */
  digest(): Digest {
    return `${this.algorithm}:${this.#hasher.digest("hex")}` as Digest;
  }
}

/** Takes in all that the file holds, reading ahead while it hashes. Answers the length. Throws `SysError`. */
export async function hashFile(path: string, hash: ContentHash): Promise<number> {
  let fd: number | undefined;
  try {
    fd = openSync(path, "r");
    return await hashFd(fd, hash);
  } catch (error) {
    throw asSysError(error, path);
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

export async function hashFd(fd: number, hash: ContentHash): Promise<number> {
  let current = Buffer.allocUnsafe(READ_BYTES);
  let next = Buffer.allocUnsafe(READ_BYTES);
  let at = 0;
  let reading = readAt(fd, current, 0, READ_BYTES, 0);
  for (;;) {
    const { bytesRead } = await reading;
    if (bytesRead === 0) return at;
    at += bytesRead;
    reading = readAt(fd, next, 0, READ_BYTES, at);
    hash.update(current.subarray(0, bytesRead));
    [current, next] = [next, current];
  }
}
