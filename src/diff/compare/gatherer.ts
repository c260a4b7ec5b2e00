const PIECE_BYTES = 256 << 10;

/** Makes fewer, larger pieces: a header of 512 bytes alone is not worth its way through hash and thread. */
export class Gatherer {
  #piece = Buffer.allocUnsafe(PIECE_BYTES);
  #length = 0;

  /** Takes the chunk in, and gives out the pieces that it fills. */
  *add(chunk: Uint8Array): Generator<Uint8Array> {
    for (let at = 0; at < chunk.length; ) {
      const part = chunk.subarray(at, at + PIECE_BYTES - this.#length);
      this.#piece.set(part, this.#length);
      at += part.length;
      this.#length += part.length;
      if (this.#length === PIECE_BYTES) yield this.rest();
    }
  }

  /** What is left of the last piece. */
  rest(): Uint8Array {
    const piece = this.#piece.subarray(0, this.#length);
    this.#piece = Buffer.allocUnsafe(PIECE_BYTES);
    this.#length = 0;
    return piece;
  }
}
