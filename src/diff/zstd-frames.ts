import { CtrError } from "../core/errors.ts";

const MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a50;
const DICTIONARY_ID_BYTES = [0, 1, 2, 4];
const CONTENT_SIZE_BYTES = [0, 2, 4, 8];
const RLE_BLOCK = 1;

type Part = "magic" | "skippable-size" | "descriptor" | "block";

/**
 * Follows the frames of a zstd stream (RFC 8878, section 3.1), which node:zlib takes for whole wherever it ends and
 * whatever follows it. Looks at headers only.
 */
export class ZstdFrames {
  readonly #header = Buffer.alloc(4);
  #filled = 0;
  #wanted = 4;
  #part: Part = "magic";
  /** Bytes to pass over before the next header. */
  #skipBytes = 0;
  #hasChecksum = false;

  /** Throws DataLoss for what is no frame. */
  push(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length; ) {
      const available = chunk.length - at;
      if (this.#skipBytes > 0) {
        const count = Math.min(this.#skipBytes, available);
        this.#skipBytes -= count;
        at += count;
        continue;
      }
      const count = Math.min(this.#wanted - this.#filled, available);
      this.#header.set(chunk.subarray(at, at + count), this.#filled);
      this.#filled += count;
      at += count;
      if (this.#filled === this.#wanted) this.#readHeader();
    }
  }

  /** Throws DataLoss when the last frame is not whole. */
  finish(): void {
    if (this.#part !== "magic" || this.#filled > 0 || this.#skipBytes > 0) throw damaged("unexpected end");
  }

  #readHeader(): void {
    this.#filled = 0;
    if (this.#part === "magic") this.#readMagic(this.#header.readUInt32LE());
    else if (this.#part === "descriptor") this.#readDescriptor(this.#header[0]!);
    else if (this.#part === "block") this.#readBlock(this.#header.readUIntLE(0, 3));
    else {
      this.#skipBytes = this.#header.readUInt32LE();
      this.#expect("magic", 4);
    }
  }

  #expect(part: Part, bytes: number): void {
    this.#part = part;
    this.#wanted = bytes;
  }

  #readMagic(magic: number): void {
    if (magic === MAGIC) this.#expect("descriptor", 1);
    else if ((magic & 0xfffffff0) >>> 0 === SKIPPABLE_MAGIC) this.#expect("skippable-size", 4);
    else throw damaged("something else behind a frame");
  }

  #readDescriptor(descriptor: number): void {
    const isSingleSegment = (descriptor & 0x20) !== 0;
    this.#hasChecksum = (descriptor & 0x04) !== 0;
    const contentSize = descriptor >> 6;
    this.#skipBytes = isSingleSegment ? 0 : 1;
    this.#skipBytes += DICTIONARY_ID_BYTES[descriptor & 0x03]!;
    this.#skipBytes += contentSize === 0 && isSingleSegment ? 1 : CONTENT_SIZE_BYTES[contentSize]!;
    this.#expect("block", 3);
  }

  #readBlock(header: number): void {
    const isLast = (header & 1) !== 0;
    this.#skipBytes = ((header >> 1) & 3) === RLE_BLOCK ? 1 : header >> 3;
    if (!isLast) return;
    if (this.#hasChecksum) this.#skipBytes += 4;
    this.#expect("magic", 4);
  }
}

function damaged(what: string): CtrError {
  return new CtrError("DataLoss", `zstd stream with ${what}`);
}
