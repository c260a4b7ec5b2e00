import { type Digest, splitDigest } from "../core/digest.ts";

/** Counts and hashes what passes through. */
export class Measured {
  sizeBytes = 0;
  readonly #algorithm: string;
  readonly #hasher: Bun.CryptoHasher;
  readonly #onBytes: ((sizeBytes: number) => void) | undefined;

  constructor(like?: Digest, onBytes?: (sizeBytes: number) => void) {
    this.#algorithm = like ? splitDigest(like).algorithm : "sha256";
    this.#hasher = new Bun.CryptoHasher(this.#algorithm as Bun.SupportedCryptoAlgorithms);
    this.#onBytes = onBytes;
  }

  async *stream(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of source) {
      this.#hasher.update(chunk);
      this.sizeBytes += chunk.length;
      yield chunk;
      this.#onBytes?.(this.sizeBytes);
    }
  }

  digest(): Digest {
    return `${this.#algorithm}:${this.#hasher.digest("hex")}` as Digest;
  }
}
