import { CtrError } from "../core/errors.ts";
import { Cursor } from "./cursor.ts";
import { BLOCK_BYTES, badTar, fields, parseHeaderBlock, readNumber, type TarHeader } from "./header.ts";
import { applyPaxRecords, parsePaxRecords } from "./pax.ts";
import {
  type Fragment,
  LeadingMap,
  readGnuExtension,
  readGnuHeaderMap,
  readPaxSparse,
  validateMap,
} from "./sparse.ts";

/**
 * What `TarReader.next` answers. `data` holds bytes of the file at `offset`, a view into the chunk that was pushed;
 * what no data covers up to `sizeBytes` is zero. The event object is used again by the next call.
 */
export type TarEvent =
  | { kind: "entry"; header: TarHeader }
  | { kind: "data"; bytes: Uint8Array; offset: number }
  | { kind: "end" };

type State =
  | "header"
  | "extended"
  | "gnu-sparse"
  | "leading-map"
  | "entry"
  | "data"
  | "end"
  | "padding"
  | "ended";

/** A longer extended header is refused, as Go's reader does: memory stays flat whatever the archive says. */
const MAX_EXTENDED_BYTES = 1 << 20;

const HAS_DATA: ReadonlySet<string> = new Set(["file", "unknown"]);

/**
 * Takes a tar stream apart: POSIX ustar and pax, GNU (long names, base 256, sparse), old V7. Push a chunk, then call
 * `next` until it answers undefined; the chunk must not change in between. Nothing is copied but names.
 *
 * Global pax headers are skipped: no image tool honours them, so an image means the same everywhere. A link, device
 * or directory has no data, whatever its size field says. The archive may lack its end blocks; what follows them is
 * ignored. Throws InvalidArgument, naming the entry, for what is no tar.
 */
export class TarReader {
  readonly #cursor = new Cursor();
  #state: State = "header";
  #hasZeroBlock = false;

  #extendedType = "";
  #extended = Buffer.alloc(0);
  #extendedFilled = 0;
  readonly #pending: { pax?: Buffer; name?: Buffer; linkName?: Buffer } = {};

  #header: TarHeader | undefined;
  #map: Fragment[] | undefined;
  #mapIndex = 0;
  #mapUsed = 0;
  #leadingMap: LeadingMap | undefined;
  #storedBytes = 0;
  #dataOffset = 0;
  #paddingBytes = 0;
  readonly #dataEvent: { kind: "data"; bytes: Uint8Array; offset: number } = {
    kind: "data",
    bytes: new Uint8Array(0),
    offset: 0,
  };
  readonly #endEvent: TarEvent = { kind: "end" };

  /** Whether all before has been taken by `next` is the caller's affair: it is lost otherwise. */
  push(chunk: Uint8Array): void {
    this.#cursor.push(chunk);
  }

  /** To be called after the last chunk. Throws InvalidArgument when the archive stops in the middle. */
  finish(): void {
    if (this.#state === "ended" || this.#state === "padding") return;
    const hasPending = this.#pending.pax ?? this.#pending.name ?? this.#pending.linkName;
    if (this.#state === "header" && !this.#cursor.isWithinBlock && hasPending === undefined) return;
    const where = this.#header ? ` in ${JSON.stringify(this.#header.name.toString())}` : "";
    throw badTar(`unexpected end${where}`);
  }

  /** The next piece of what was pushed; undefined when more is needed. */
  next(): TarEvent | undefined {
    for (;;) {
      switch (this.#state) {
        case "header":
          if (!this.#readHeader()) return undefined;
          break;
        case "extended":
          if (!this.#readExtended()) return undefined;
          break;
        case "gnu-sparse":
          if (!this.#readSparseBlock()) return undefined;
          break;
        case "leading-map":
          if (!this.#readLeadingMap()) return undefined;
          break;
        case "entry":
          this.#state = this.#storedBytes > 0 ? "data" : "end";
          return { kind: "entry", header: this.#header! };
        case "data":
          return this.#readData();
        case "end":
          this.#state = "padding";
          return this.#endEvent;
        case "padding":
          if (!this.#skipPadding()) return undefined;
          break;
        case "ended":
          return undefined;
      }
    }
  }

  #readHeader(): boolean {
    const block = this.#cursor.takeBlock();
    if (block === undefined) return false;
    if (isZero(block)) {
      if (this.#hasZeroBlock) this.#state = "ended";
      this.#hasZeroBlock = true;
      return true;
    }
    if (this.#hasZeroBlock) throw badTar("entry behind an end block");
    const header = parseHeaderBlock(block);
    const type = String.fromCharCode(header.typeFlag);
    if ("xgLK".includes(type)) this.#startExtended(type, header);
    else this.#startEntry(header, block);
    return true;
  }

  #startExtended(type: string, { name, sizeBytes }: TarHeader): void {
    if (sizeBytes > MAX_EXTENDED_BYTES) {
      throw badTar(`extended header of ${sizeBytes} bytes before ${JSON.stringify(name.toString())}`);
    }
    this.#extendedType = type;
    this.#extended = Buffer.alloc(sizeBytes);
    this.#extendedFilled = 0;
    this.#paddingBytes = paddingOf(sizeBytes);
    this.#state = "extended";
  }

  #readExtended(): boolean {
    const piece = this.#cursor.take(this.#extended.length - this.#extendedFilled);
    this.#extended.set(piece, this.#extendedFilled);
    this.#extendedFilled += piece.length;
    if (this.#extendedFilled < this.#extended.length) return false;
    if (this.#extendedType === "x") this.#pending.pax = this.#extended;
    if (this.#extendedType === "L") this.#pending.name = untilNul(this.#extended);
    if (this.#extendedType === "K") this.#pending.linkName = untilNul(this.#extended);
    this.#state = "padding";
    return true;
  }

  /** Joins the block with the extended headers before it, and finds out where its data belongs. */
  #startEntry(header: TarHeader, block: Uint8Array): void {
    this.#header = header;
    this.#map = undefined;
    this.#leadingMap = undefined;
    try {
      const records = this.#pending.pax ? parsePaxRecords(this.#pending.pax) : [];
      applyPaxRecords(header, records);
      if (this.#pending.name) header.name = this.#pending.name;
      if (this.#pending.linkName) header.linkName = this.#pending.linkName;
      this.#storedBytes = HAS_DATA.has(header.type) ? header.sizeBytes : 0;
      this.#dataOffset = 0;
      this.#paddingBytes = paddingOf(this.#storedBytes);
      this.#state = "entry";
      if (header.typeFlag === 0x53) this.#startGnuSparse(header, block);
      else if (header.type === "file" && records.length > 0) this.#startPaxSparse(header, records);
    } catch (error) {
      throw this.#namedError(error);
    }
    this.#pending.pax = this.#pending.name = this.#pending.linkName = undefined;
  }

  #startGnuSparse(header: TarHeader, block: Uint8Array): void {
    header.sizeBytes = readNumber(block, fields.gnuRealSize);
    this.#map = [];
    if (readGnuHeaderMap(block, this.#map)) this.#state = "gnu-sparse";
    else this.#useMap(this.#map);
  }

  #startPaxSparse(header: TarHeader, records: ReturnType<typeof parsePaxRecords>): void {
    const sparse = readPaxSparse(records);
    if (sparse === undefined) return;
    header.sizeBytes = sparse.realSizeBytes;
    if (sparse.name && !this.#pending.name) header.name = sparse.name;
    if (sparse.map) this.#useMap(sparse.map);
    else {
      this.#leadingMap = new LeadingMap();
      this.#state = "leading-map";
    }
  }

  #readSparseBlock(): boolean {
    const block = this.#cursor.takeBlock();
    if (block === undefined) return false;
    try {
      if (!readGnuExtension(block, this.#map!)) this.#useMap(this.#map!);
    } catch (error) {
      throw this.#namedError(error);
    }
    return true;
  }

  #readLeadingMap(): boolean {
    const block = this.#cursor.takeBlock();
    if (block === undefined) return false;
    try {
      this.#storedBytes -= BLOCK_BYTES;
      if (this.#storedBytes < 0) throw badTar("sparse map longer than the data");
      if (this.#leadingMap!.addBlock(block)) this.#useMap(this.#leadingMap!.map);
    } catch (error) {
      throw this.#namedError(error);
    }
    return true;
  }

  #useMap(map: Fragment[]): void {
    validateMap(map, this.#header!.sizeBytes, this.#storedBytes);
    this.#map = map.filter(({ length }) => length > 0);
    this.#mapIndex = 0;
    this.#mapUsed = 0;
    this.#state = "entry";
  }

  #readData(): TarEvent | undefined {
    const fragment = this.#map?.[this.#mapIndex];
    const wanted = fragment ? fragment.length - this.#mapUsed : this.#storedBytes;
    const bytes = this.#cursor.take(wanted);
    if (bytes.length === 0) return undefined;
    this.#dataEvent.bytes = bytes;
    this.#dataEvent.offset = fragment ? fragment.offset + this.#mapUsed : this.#dataOffset;
    this.#dataOffset += bytes.length;
    this.#storedBytes -= bytes.length;
    if (fragment) {
      this.#mapUsed += bytes.length;
      if (this.#mapUsed === fragment.length) {
        this.#mapIndex++;
        this.#mapUsed = 0;
      }
    }
    if (this.#storedBytes === 0) this.#state = "end";
    return this.#dataEvent;
  }

  #skipPadding(): boolean {
    this.#paddingBytes -= this.#cursor.skip(this.#paddingBytes);
    if (this.#paddingBytes > 0) return false;
    this.#state = "header";
    return true;
  }

  #namedError(error: unknown): CtrError {
    const name = JSON.stringify(this.#header!.name.toString());
    return new CtrError("InvalidArgument", `tar entry ${name}`, { cause: error });
  }
}

function isZero(block: Uint8Array): boolean {
  for (let at = 0; at < BLOCK_BYTES; at++) if (block[at] !== 0) return false;
  return true;
}

function paddingOf(sizeBytes: number): number {
  return (BLOCK_BYTES - (sizeBytes % BLOCK_BYTES)) % BLOCK_BYTES;
}

function untilNul(bytes: Buffer): Buffer {
  const end = bytes.indexOf(0);
  return end < 0 ? bytes : bytes.subarray(0, end);
}
