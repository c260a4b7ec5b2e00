import { BLOCK_BYTES, badTar, fields, readNumber } from "./header.ts";
import { type PaxRecord, wholeNumber } from "./pax.ts";

/** Where a run of stored bytes belongs in the file; what no fragment covers is a hole. GNU tar, "Sparse Formats". */
export interface Fragment {
  offset: number;
  length: number;
}

/** More would be an attack on memory: even a terabyte disk image has fewer. */
const MAX_FRAGMENTS = 1 << 16;

const ENTRY_BYTES = 24;
const EXTENSION_ENTRIES = 21;

/** Old GNU format: four entries in the header, answers whether an extension block follows. */
export function readGnuHeaderMap(block: Uint8Array, map: Fragment[]): boolean {
  readGnuEntries(block, fields.gnuSparseMap[0], 4, map);
  return block[fields.gnuIsExtended[0]] !== 0;
}

/** An extension block of the old GNU format; answers whether another one follows. */
export function readGnuExtension(block: Uint8Array, map: Fragment[]): boolean {
  readGnuEntries(block, 0, EXTENSION_ENTRIES, map);
  return block[EXTENSION_ENTRIES * ENTRY_BYTES] !== 0;
}

function readGnuEntries(block: Uint8Array, from: number, count: number, map: Fragment[]): void {
  for (let at = from; at < from + count * ENTRY_BYTES; at += ENTRY_BYTES) {
    if (block[at] === 0) return;
    addFragment(map, readNumber(block, [at, 12]), readNumber(block, [at + 12, 12]));
  }
}

function addFragment(map: Fragment[], offset: number, length: number): void {
  if (map.length >= MAX_FRAGMENTS) throw badTar(`sparse file of more than ${MAX_FRAGMENTS} parts`);
  map.push({ offset, length });
}

/** What the GNU.sparse records of a PAX header say. */
export interface PaxSparse {
  name?: Buffer;
  realSizeBytes: number;
  /** Undefined for format 1.0, whose map stands before the data. */
  map?: Fragment[];
}

/** Formats 0.0 and 0.1 carry the map in the header. Undefined for a file without holes. */
export function readPaxSparse(records: readonly PaxRecord[]): PaxSparse | undefined {
  if (!records.some(({ key }) => key.startsWith("GNU.sparse."))) return undefined;
  const values = new Map(records.map(({ key, value }) => [key, value]));
  const size = values.get("GNU.sparse.realsize") ?? values.get("GNU.sparse.size");
  if (size === undefined) return undefined;
  const realSizeBytes = wholeNumber(size);
  const name = values.get("GNU.sparse.name");
  if (values.get("GNU.sparse.major")?.toString("latin1") === "1") return { name, realSizeBytes };
  const listed = values.get("GNU.sparse.map");
  return { name, realSizeBytes, map: listed ? splitMap(listed) : pairMap(records) };
}

/** Format 0.1: `offset,length,offset,length…`. */
function splitMap(listed: Buffer): Fragment[] {
  const numbers = listed.length === 0 ? [] : listed.toString("latin1").split(",");
  if (numbers.length % 2 !== 0) throw badTar("malformed sparse map");
  const map: Fragment[] = [];
  for (let i = 0; i < numbers.length; i += 2) {
    addFragment(map, wholeNumber(Buffer.from(numbers[i]!)), wholeNumber(Buffer.from(numbers[i + 1]!)));
  }
  return map;
}

/** Format 0.0: the two keys again and again, in order. */
function pairMap(records: readonly PaxRecord[]): Fragment[] {
  const map: Fragment[] = [];
  let offset: number | undefined;
  for (const { key, value } of records) {
    if (key === "GNU.sparse.offset") offset = wholeNumber(value);
    if (key !== "GNU.sparse.numbytes") continue;
    if (offset === undefined) throw badTar("malformed sparse map");
    addFragment(map, offset, wholeNumber(value));
    offset = undefined;
  }
  return map;
}

/**
 * Format 1.0: decimal lines at the head of the data, padded to whole blocks: how many, then offset and length of each.
 * Takes bytes one block at a time until the map is whole.
 */
export class LeadingMap {
  readonly map: Fragment[] = [];
  #text = "";
  #expected: number | undefined;
  #offset: number | undefined;

  /** Answers whether the map is complete with this block. */
  addBlock(block: Uint8Array): boolean {
    this.#text += Buffer.from(block.buffer, block.byteOffset, BLOCK_BYTES).toString("latin1");
    for (
      let end = this.#text.indexOf("\n");
      end >= 0 && !this.#isComplete();
      end = this.#text.indexOf("\n")
    ) {
      this.#addNumber(wholeNumber(Buffer.from(this.#text.slice(0, end))));
      this.#text = this.#text.slice(end + 1);
    }
    if (!this.#isComplete() && this.#text.length > BLOCK_BYTES) throw badTar("malformed sparse map");
    return this.#isComplete();
  }

  #addNumber(number: number): void {
    if (this.#expected === undefined) this.#expected = number;
    else if (this.#offset === undefined) this.#offset = number;
    else {
      addFragment(this.map, this.#offset, number);
      this.#offset = undefined;
    }
  }

  #isComplete(): boolean {
    return this.#expected !== undefined && this.map.length >= this.#expected;
  }
}

/** Throws unless the fragments are in order, inside of the file and as long together as what is stored. */
export function validateMap(map: readonly Fragment[], realSizeBytes: number, storedBytes: number): void {
  let end = 0;
  let total = 0;
  for (const { offset, length } of map) {
    if (offset < end || offset + length > realSizeBytes)
      throw badTar("sparse map beyond the file or out of order");
    end = offset + length;
    total += length;
  }
  if (total !== storedBytes) throw badTar("sparse map that does not fit the data");
}
