/**
 * Reading a directory by its descriptor, with names as bytes where they are not UTF-8. Relies on getdents64(2)'s
 * record: u64 inode, i64 offset, u16 record length, u8 type, NUL-terminated name.
 */
import { SysError } from "./errno.ts";
import { LONG, lastErrno, linkOnFirstUse, type Name, nameFromBytes, SIZE } from "./libc.ts";

/** `unknown` where the filesystem does not say (then stat tells). */
export type EntryType = "fifo" | "character" | "directory" | "block" | "file" | "link" | "socket" | "unknown";

export interface DirectoryEntry {
  name: Name;
  type: EntryType;
}

const TYPES: Record<number, EntryType> = {
  1: "fifo",
  2: "character",
  4: "directory",
  6: "block",
  8: "file",
  10: "link",
  12: "socket",
};
const HEADER_BYTES = 19;
const BUFFER_BYTES = 16 << 10;

/** One for all: fresh memory for each of many directories costs more than reading them. */
let buffer: Buffer | undefined;

const libc = linkOnFirstUse({
  getdents64: { args: ["i32", "ptr", SIZE], returns: LONG },
});

/**
 * The next batch of entries of the open directory `fd`, without `.` and `..`; `undefined` at the end. Entries made
 * or removed meanwhile may or may not be among them. The descriptor's position moves on: open it afresh to read again.
 */
export function readDirectoryBatch(fd: number): DirectoryEntry[] | undefined {
  buffer ??= Buffer.allocUnsafeSlow(BUFFER_BYTES);
  const length = Number(libc().getdents64(fd, buffer, BUFFER_BYTES));
  if (length > 0) return parseEntries(buffer, length);
  if (length === 0) return undefined;
  const failure = new SysError(lastErrno(), "getdents64");
  // Of a directory that has been removed since it was opened.
  if (failure.errno === "ENOENT") return undefined;
  throw failure;
}

/** All entries of the open directory `fd` from its position on, without `.` and `..`. */
export function readDirectory(fd: number): DirectoryEntry[] {
  const entries: DirectoryEntry[] = [];
  for (let batch = readDirectoryBatch(fd); batch !== undefined; batch = readDirectoryBatch(fd)) {
    for (const entry of batch) entries.push(entry);
  }
  return entries;
}

function parseEntries(buffer: Buffer, length: number): DirectoryEntry[] {
  const entries: DirectoryEntry[] = [];
  for (let at = 0; at < length; ) {
    const recordBytes = buffer.readUInt16LE(at + 16);
    const nameAt = at + HEADER_BYTES;
    const name = nameFromBytes(buffer.subarray(nameAt, buffer.indexOf(0, nameAt)));
    if (name !== "." && name !== "..") {
      entries.push({ name, type: TYPES[buffer[at + 18]!] ?? "unknown" });
    }
    at += recordBytes;
  }
  return entries;
}
