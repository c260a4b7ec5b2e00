/**
 * What a file is, by statx(2): of names that are bytes, below a descriptor, with exact nanoseconds, which Node's stat
 * lacks. Relies on struct statx of linux/stat.h, the same on every architecture.
 */

import type { FileTime } from "./attributes.ts";
import { S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG } from "./entries.ts";
import { checkCall } from "./errno.ts";
import { cString, linkOnFirstUse, type Name } from "./libc.ts";

const AT_SYMLINK_NOFOLLOW = 0x100;
const AT_NO_AUTOMOUNT = 0x800;
const AT_EMPTY_PATH = 0x1000;
const STATX_BASIC_STATS = 0x7ff;

export interface FileStat {
  /** Type and permissions (man 7 inode). */
  mode: number;
  uid: number;
  gid: number;
  sizeBytes: number;
  /** What it takes up on disk. */
  allocatedBytes: number;
  linkCount: number;
  inode: bigint;
  /** The filesystem it is on. */
  deviceMajor: number;
  deviceMinor: number;
  /** What a device node stands for. */
  nodeMajor: number;
  nodeMinor: number;
  accessed: FileTime;
  modified: FileTime;
  changed: FileTime;
}

const libc = linkOnFirstUse({
  statx: { args: ["i32", "cstring", "i32", "u32", "ptr"], returns: "i32" },
});

const statBuffer = Buffer.alloc(256);

/** Of `name` itself, a link not followed. */
export function statAt(dirFd: number, name: Name): FileStat {
  return callStatx(dirFd, name, AT_SYMLINK_NOFOLLOW);
}

/** Of an open file, O_PATH too. */
export function statFd(fd: number): FileStat {
  return callStatx(fd, "", AT_EMPTY_PATH);
}

export function isDirectory({ mode }: FileStat): boolean {
  return (mode & S_IFMT) === S_IFDIR;
}

export function isRegularFile({ mode }: FileStat): boolean {
  return (mode & S_IFMT) === S_IFREG;
}

export function isFifo({ mode }: FileStat): boolean {
  return (mode & S_IFMT) === S_IFIFO;
}

export function isLink({ mode }: FileStat): boolean {
  return (mode & S_IFMT) === S_IFLNK;
}

/** Whether both are the same file of the same filesystem. */
export function isSameFile(one: FileStat, other: FileStat): boolean {
  return (
    one.inode === other.inode &&
    one.deviceMajor === other.deviceMajor &&
    one.deviceMinor === other.deviceMinor
  );
}

function callStatx(dirFd: number, name: Name, flags: number): FileStat {
  const result = libc().statx(dirFd, cString(name), flags | AT_NO_AUTOMOUNT, STATX_BASIC_STATS, statBuffer);
  checkCall(result, "statx", name === "" ? undefined : name);
  return parseStatx(statBuffer);
}

function parseStatx(buffer: Buffer): FileStat {
  return {
    linkCount: buffer.readUInt32LE(16),
    uid: buffer.readUInt32LE(20),
    gid: buffer.readUInt32LE(24),
    mode: buffer.readUInt16LE(28),
    inode: buffer.readBigUInt64LE(32),
    sizeBytes: readUnsigned(buffer, 40),
    allocatedBytes: readUnsigned(buffer, 48) * 512,
    accessed: readTime(buffer, 64),
    changed: readTime(buffer, 96),
    modified: readTime(buffer, 112),
    nodeMajor: buffer.readUInt32LE(128),
    nodeMinor: buffer.readUInt32LE(132),
    deviceMajor: buffer.readUInt32LE(136),
    deviceMinor: buffer.readUInt32LE(140),
  };
}

function readUnsigned(buffer: Buffer, at: number): number {
  return buffer.readUInt32LE(at) + buffer.readUInt32LE(at + 4) * 2 ** 32;
}

function readTime(buffer: Buffer, at: number): FileTime {
  return {
    seconds: buffer.readUInt32LE(at) + buffer.readInt32LE(at + 4) * 2 ** 32,
    nanoseconds: buffer.readUInt32LE(at + 8),
  };
}
