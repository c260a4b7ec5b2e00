import { CtrError } from "../core/errors.ts";

/** A moment since 1970; seconds may be negative or beyond 2038, nanoseconds are 0 to 999999999. */
export interface TarTime {
  seconds: number;
  nanoseconds: number;
}

/** `value` is bytes: security.capability and POSIX ACLs are binary. */
export interface TarXattr {
  key: string;
  value: Uint8Array;
}

export type TarEntryType =
  | "file"
  | "hardlink"
  | "symlink"
  | "character"
  | "block"
  | "directory"
  | "fifo"
  | "unknown";

/** One entry, with what extended headers say about it already taken in. Names are bytes: Linux knows no encoding. */
export interface TarHeader {
  name: Buffer;
  type: TarEntryType;
  /** As in the archive; of interest for `unknown`. */
  typeFlag: number;
  /** Empty unless a hardlink or symlink. */
  linkName: Buffer;
  /** Permission bits, 0 to 07777. */
  mode: number;
  uid: number;
  gid: number;
  /** Of the file as it will be, holes included. */
  sizeBytes: number;
  modified: TarTime;
  accessed?: TarTime;
  deviceMajor: number;
  deviceMinor: number;
  xattrs: readonly TarXattr[];
}

export const BLOCK_BYTES = 512;

/** Where the fields of a header block are (POSIX pax, "ustar Interchange Format"; GNU tar, "Basic Tar Format"). */
export const fields = {
  name: [0, 100],
  mode: [100, 8],
  uid: [108, 8],
  gid: [116, 8],
  size: [124, 12],
  modified: [136, 12],
  checksum: [148, 8],
  typeFlag: [156, 1],
  linkName: [157, 100],
  magic: [257, 8],
  deviceMajor: [329, 8],
  deviceMinor: [337, 8],
  prefix: [345, 155],
  gnuAccessed: [345, 12],
  gnuSparseMap: [386, 96],
  gnuIsExtended: [482, 1],
  gnuRealSize: [483, 12],
} as const satisfies Record<string, readonly [at: number, length: number]>;

const ENTRY_TYPES: Readonly<Record<string, TarEntryType>> = {
  "\0": "file",
  "0": "file",
  "1": "hardlink",
  "2": "symlink",
  "3": "character",
  "4": "block",
  "5": "directory",
  "6": "fifo",
  "7": "file",
  S: "file",
};

export function badTar(what: string): CtrError {
  return new CtrError("InvalidArgument", `tar archive: ${what}`);
}

/** Reads one header block as it stands. Throws InvalidArgument naming the entry for a wrong checksum or field. */
export function parseHeaderBlock(block: Uint8Array): TarHeader {
  verifyChecksum(block);
  const bytes = Buffer.from(block.buffer, block.byteOffset, BLOCK_BYTES);
  const typeFlag = block[156]!;
  const name = readName(bytes);
  try {
    return {
      name,
      type: entryType(typeFlag, name),
      typeFlag,
      linkName: readString(bytes, fields.linkName),
      mode: readNumber(bytes, fields.mode) & 0o7777,
      uid: readNumber(bytes, fields.uid),
      gid: readNumber(bytes, fields.gid),
      sizeBytes: readSize(bytes),
      modified: { seconds: readNumber(bytes, fields.modified), nanoseconds: 0 },
      deviceMajor: isDevice(typeFlag) ? readNumber(bytes, fields.deviceMajor) : 0,
      deviceMinor: isDevice(typeFlag) ? readNumber(bytes, fields.deviceMinor) : 0,
      xattrs: [],
    };
  } catch (error) {
    throw new CtrError("InvalidArgument", `tar entry ${JSON.stringify(name.toString())}`, { cause: error });
  }
}

/** A name that ends in a slash made a directory before ustar had a type for it. */
function entryType(typeFlag: number, name: Buffer): TarEntryType {
  if (typeFlag === 0 && name.at(-1) === 0x2f) return "directory";
  return ENTRY_TYPES[String.fromCharCode(typeFlag)] ?? "unknown";
}

function isDevice(typeFlag: number): boolean {
  return typeFlag === 0x33 || typeFlag === 0x34;
}

function readSize(bytes: Buffer): number {
  const sizeBytes = readNumber(bytes, fields.size);
  if (sizeBytes < 0) throw badTar(`negative size ${sizeBytes}`);
  return sizeBytes;
}

/** Old archives summed signed bytes; both sums are right. */
function verifyChecksum(block: Uint8Array): void {
  let unsigned = 8 * 0x20;
  for (let at = 0; at < 148; at++) unsigned += block[at]!;
  for (let at = 156; at < BLOCK_BYTES; at++) unsigned += block[at]!;
  const bytes = Buffer.from(block.buffer, block.byteOffset, BLOCK_BYTES);
  let stored: number;
  try {
    stored = readNumber(bytes, fields.checksum);
  } catch {
    // What is no header is no name to print either: it may be a line of anybody's file.
    throw badTar("not a tar header");
  }
  if (stored === unsigned) return;
  let signed = unsigned;
  for (let at = 0; at < BLOCK_BYTES; at++) if ((at < 148 || at >= 156) && block[at]! > 127) signed -= 256;
  if (stored !== signed)
    throw badTar(`wrong header checksum at ${JSON.stringify(readName(bytes).toString())}`);
}

function readName(bytes: Buffer): Buffer {
  const name = readString(bytes, fields.name);
  const isPosix = bytes.toString("latin1", 257, 263) === "ustar\0";
  if (!isPosix || bytes[fields.prefix[0]] === 0) return name;
  const isStar = bytes.toString("latin1", 508, 512) === "tar\0";
  const prefix = readString(bytes, [fields.prefix[0], isStar ? 131 : fields.prefix[1]]);
  return prefix.length === 0 ? name : Buffer.concat([prefix, Buffer.from("/"), name]);
}

/** A copy, up to the first NUL. */
function readString(bytes: Buffer, [at, length]: readonly [number, number]): Buffer {
  let end = at;
  while (end < at + length && bytes[end] !== 0) end++;
  return Buffer.from(bytes.subarray(at, end));
}

/** Octal digits between blanks, or GNU's base 256: the first byte's top bit set, its next bit the sign. */
export function readNumber(bytes: Uint8Array, [at, length]: readonly [number, number]): number {
  if ((bytes[at]! & 0x80) !== 0) return readBase256(bytes, at, length);
  let from = at;
  let end = at + length;
  while (from < end && isBlank(bytes[from]!)) from++;
  while (end > from && isBlank(bytes[end - 1]!)) end--;
  let value = 0;
  for (; from < end && bytes[from] !== 0; from++) {
    const digit = bytes[from]! - 0x30;
    if (digit < 0 || digit > 7) throw badTar("number that is not octal");
    value = value * 8 + digit;
  }
  return value;
}

function isBlank(byte: number): boolean {
  return byte === 0 || byte === 0x20;
}

function readBase256(bytes: Uint8Array, at: number, length: number): number {
  const isNegative = (bytes[at]! & 0x40) !== 0;
  let value = isNegative ? (bytes[at]! & 0x3f) - 0x40 : bytes[at]! & 0x3f;
  for (let i = at + 1; i < at + length; i++) value = value * 256 + bytes[i]!;
  if (!Number.isSafeInteger(value)) throw badTar("number too large");
  return value;
}
