/**
 * What concerns a filesystem's blocks: making them durable, copying and sharing them, and where it puts them. Dangerous
 * here: a write that failed is reported by one fsync only; whoever ignores it has lost data and will never know.
 */
import { ptr } from "bun:ffi";
import { checkCall, hasErrno, SysError } from "./errno.ts";
import { cString, LONG, lastErrno, linkOnFirstUse, SIZE } from "./libc.ts";

/** _IOW(0x94, 9, int) */
const FICLONE = 0x40049409;
/** _IOR('f', 1, long), _IOW('f', 2, long) */
const FS_IOC_GETFLAGS = 0x80086601;
const FS_IOC_SETFLAGS = 0x40086602;
const FS_TOPDIR_FL = 0x20000;

const libc = linkOnFirstUse({
  syncfs: { args: ["i32"], returns: "i32" },
  fsync: { args: ["i32"], returns: "i32" },
  copy_file_range: { args: ["i32", "ptr", "i32", "ptr", SIZE, "u32"], returns: LONG },
  statvfs: { args: ["cstring", "ptr"], returns: "i32" },
  ioctl: { args: ["i32", "u64", LONG], returns: "i32" },
});

/** Makes everything written so far to the filesystem of `fd` durable; blocks until it is. Reports errors from 5.8 on. */
export function syncFilesystem(fd: number): void {
  checkCall(libc().syncfs(fd), "syncfs");
}

/** Makes the file or directory `fd` durable. */
export function syncFd(fd: number): void {
  checkCall(libc().fsync(fd), "fsync");
}

/**
 * Copies up to `lengthBytes` from one file's position to another's within the kernel; returns how many, 0 at the
 * end. Throws `SysError`: EXDEV, EINVAL, EOPNOTSUPP or ENOSYS mean that it must be done by read and write.
 */
export function copyFileRange(fromFd: number, toFd: number, lengthBytes: number): number {
  return checkCall(libc().copy_file_range(fromFd, null, toFd, null, lengthBytes, 0), "copy_file_range");
}

/** Lets `toFd` share all blocks of `fromFd` until one is written. False where the filesystem has no reflinks. */
export function reflink(fromFd: number, toFd: number): boolean {
  if (libc().ioctl(toFd, FICLONE, fromFd) === 0) return true;
  const failure = new SysError(lastErrno(), "ioctl FICLONE");
  if (hasErrno(failure, "EOPNOTSUPP", "ENOTTY", "EXDEV", "EINVAL", "ENOSYS")) return false;
  throw failure;
}

/**
 * Tells the filesystem that what is in one directory within `fd` has nothing to do with what is in another, so that it
 * need not be near it (ext4's `chattr +T`). Where it knows no such thing, nothing changes.
 *
 * ext4 gives no inode again for minutes after a deletion, and looks at all those deleted in a group of inodes at each
 * creation there: next to a layer just removed, a file takes a hundred times as long to make.
 */
export function spreadDirectories(fd: number): void {
  const flags = new Uint32Array(2);
  if (libc().ioctl(fd, FS_IOC_GETFLAGS, ptr(flags)) === 0) {
    flags[0]! |= FS_TOPDIR_FL;
    if (libc().ioctl(fd, FS_IOC_SETFLAGS, ptr(flags)) === 0) return;
  }
  const failure = new SysError(lastErrno(), "ioctl FS_IOC_SETFLAGS");
  if (!hasErrno(failure, "EOPNOTSUPP", "ENOTTY", "EINVAL", "ENOSYS", "EPERM")) throw failure;
}

export interface Space {
  totalBytes: number;
  /** To those who are not root. */
  availableBytes: number;
  availableInodes: number;
}

/** What is left on the filesystem of `path`. */
export function freeSpace(path: string): Space {
  const buffer = Buffer.alloc(112);
  checkCall(libc().statvfs(cString(path), buffer), "statvfs", path);
  const [, fragmentBytes, blocks, , availableBlocks, , , availableInodes] = Array.from(
    new BigUint64Array(buffer.buffer, buffer.byteOffset, 8),
    Number,
  ) as [number, number, number, number, number, number, number, number];
  return {
    totalBytes: blocks * fragmentBytes,
    availableBytes: availableBlocks * fragmentBytes,
    availableInodes,
  };
}
