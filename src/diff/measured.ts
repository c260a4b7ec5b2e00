import { createHash } from "node:crypto";
import type { Digest } from "../core/digest.ts";

interface MeasuredOptions {
  onProgress?: (bytes: number) => void;
  signal?: AbortSignal;
}

/** Counts and hashes what passes through. */
export class Measured {
  sizeBytes = 0;
  private readonly hash = createHash("sha256");
  private readonly options: MeasuredOptions;

  constructor(options: MeasuredOptions = {}) {
    this.options = options;
  }

  async *stream(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of source) {
      this.options.signal?.throwIfAborted();
      this.hash.update(chunk);
      this.sizeBytes += chunk.length;
      yield chunk;
      this.options.onProgress?.(this.sizeBytes);
    }
  }

  /** Of all that has passed; to be asked once. */
  digest(): Digest {
    return `sha256:${this.hash.digest("hex")}` as Digest;
  }
}
