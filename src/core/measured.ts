import type { Digest } from "./digest.ts";
import { Digester } from "./digester.ts";

export interface MeasuredOptions {
  /** What the bytes are to have, whose algorithm is then taken. */
  like?: Digest;
  /** Told how many bytes have passed, after each chunk. */
  onProgress?: (sizeBytes: number) => void;
  signal?: AbortSignal;
}

/** Counts and hashes what passes through one stream. */
export class Measured {
  sizeBytes = 0;
  readonly #digester: Digester;
  readonly #options: MeasuredOptions;

  constructor(options: MeasuredOptions = {}) {
    this.#digester = new Digester(options.like);
    this.#options = options;
  }

  /** The same chunks. Throws the signal's reason. */
  async *stream(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    const { onProgress, signal } = this.#options;
    for await (const chunk of source) {
      signal?.throwIfAborted();
      this.#digester.update(chunk);
      this.sizeBytes += chunk.length;
      yield chunk;
      onProgress?.(this.sizeBytes);
    }
  }

  /** Of all that has passed; to be asked once. */
  digest(): Digest {
    return this.#digester.digest();
  }
}
