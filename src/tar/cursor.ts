import { BLOCK_BYTES } from "./header.ts";

/** A place in a stream that comes in chunks. Copies nothing but the few blocks that two chunks share. */
export class Cursor {
  #chunk: Uint8Array = new Uint8Array(0);
  #at = 0;
  readonly #carry = new Uint8Array(BLOCK_BYTES);
  #carried = 0;

  push(chunk: Uint8Array): void {
    this.#chunk = chunk;
    this.#at = 0;
  }

  /** Whether part of a block has been taken in. */
  get isWithinBlock(): boolean {
    return this.#carried > 0;
  }

  /** The next whole block; undefined until all of it is there. Holds until the next call. */
  takeBlock(): Uint8Array | undefined {
    if (this.#carried === 0 && this.#chunk.length - this.#at >= BLOCK_BYTES) return this.take(BLOCK_BYTES);
    const piece = this.take(BLOCK_BYTES - this.#carried);
    this.#carry.set(piece, this.#carried);
    this.#carried += piece.length;
    if (this.#carried < BLOCK_BYTES) return undefined;
    this.#carried = 0;
    return this.#carry;
  }

  /** A view of the next bytes: at most `maxBytes`, fewer where the chunk ends. */
  take(maxBytes: number): Uint8Array {
    const piece = this.#chunk.subarray(this.#at, this.#at + maxBytes);
    this.#at += piece.length;
    return piece;
  }

  /** Passes over bytes and answers how many. */
  skip(maxBytes: number): number {
    const count = Math.min(maxBytes, this.#chunk.length - this.#at);
    this.#at += count;
    return count;
  }
}
