/**
 * Making, naming and removing directory entries relative to a directory's descriptor. Dangerous here: the last
 * part of a name is never followed by these calls, but everything before it is; give one component, or resolve
 * the directory first (src/files/resolve-below.ts).
 *
 * No call here is undone by a crash nor certain to survive one before its directory is synced.
 */
import { CtrError } from "../core/errors.ts";
import { checkCall } from "./errno.ts";
import { cString, linkOnFirstUse, type Name, nameFromBytes } from "./libc.ts";
import { AT_FDCWD } from "./open.ts";

const AT_REMOVEDIR = 0x200;
const AT_SYMLINK_FOLLOW = 0x400;

/** File types within a mode (man 7 inode). */
export const S_IFMT = 0o170000;
export const S_IFLNK = 0o120000;
export const S_IFREG = 0o100000;
export const S_IFBLK = 0o060000;
export const S_IFDIR = 0o040000;
export const S_IFCHR = 0o020000;
export const S_IFIFO = 0o010000;
export const S_ISGID = 0o2000;

const libc = linkOnFirstUse({
  mkdirat: { args: ["i32", "cstring", "u32"], returns: "i32" },
  mknodat: { args: ["i32", "cstring", "u32", "u64"], returns: "i32" },
  symlinkat: { args: ["cstring", "i32", "cstring"], returns: "i32" },
  linkat: { args: ["i32", "cstring", "i32", "cstring", "i32"], returns: "i32" },
  unlinkat: { args: ["i32", "cstring", "i32"], returns: "i32" },
  renameat: { args: ["i32", "cstring", "i32", "cstring"], returns: "i32" },
  readlinkat: { args: ["i32", "cstring", "ptr", "u64"], returns: "i32" },
});

/** mkdirat(2): `mode` less the umask. EEXIST for anything of that name, a dangling link too. */
export function mkdirAt(dirFd: number, name: Name, mode: number): void {
  checkCall(libc().mkdirat(dirFd, cString(name), mode), "mkdirat", name);
}

/** mknodat(2): `mode` carries the file type (S_IFCHR, S_IFBLK, S_IFIFO, S_IFREG), less the umask. */
export function mknodAt(dirFd: number, name: Name, mode: number, device: number): void {
  checkCall(libc().mknodat(dirFd, cString(name), mode, device), "mknodat", name);
}

/**
 * The device number of `major`:`minor`. Throws InvalidArgument beyond the kernel's 12 and 20 bits, which would
 * otherwise wrap and name another device.
 */
export function deviceNumber(major: number, minor: number): number {
  const isValid =
    Number.isInteger(major) &&
    Number.isInteger(minor) &&
    major >= 0 &&
    major < 4096 &&
    minor >= 0 &&
    minor < 2 ** 20;
  if (!isValid) throw new CtrError("InvalidArgument", `device number ${major}:${minor}`);
  return (minor & 0xff) + major * 0x100 + (minor >>> 8) * 0x100000;
}

/** symlinkat(2): `target` is stored as it is, neither checked nor resolved. */
export function symlinkAt(target: Name, dirFd: number, name: Name): void {
  checkCall(libc().symlinkat(cString(target), dirFd, cString(name)), "symlinkat", name);
}

/** linkat(2): links to `fromName` itself, also when that is a symbolic link. */
export function linkAt(fromDirFd: number, fromName: Name, toDirFd: number, toName: Name): void {
  checkCall(libc().linkat(fromDirFd, cString(fromName), toDirFd, cString(toName), 0), "linkat", toName);
}

/** Gives the file `fd`, opened with O_TMPFILE, its first name (man 2 open). EEXIST when that is taken. */
export function linkFd(fd: number, name: Name): void {
  const path = cString(`/proc/self/fd/${fd}`);
  checkCall(libc().linkat(AT_FDCWD, path, AT_FDCWD, cString(name), AT_SYMLINK_FOLLOW), "linkat", name);
}

/** unlinkat(2). EISDIR for a directory. */
export function unlinkAt(dirFd: number, name: Name): void {
  checkCall(libc().unlinkat(dirFd, cString(name), 0), "unlinkat", name);
}

/** Removes an empty directory. ENOTEMPTY, ENOTDIR; EBUSY for a mount point. */
export function rmdirAt(dirFd: number, name: Name): void {
  checkCall(libc().unlinkat(dirFd, cString(name), AT_REMOVEDIR), "rmdir", name);
}

/** renameat(2): replaces atomically what is there. */
export function renameAt(fromDirFd: number, fromName: Name, toDirFd: number, toName: Name): void {
  checkCall(libc().renameat(fromDirFd, cString(fromName), toDirFd, cString(toName)), "renameat", toName);
}

const linkBuffer = Buffer.alloc(4096);

/** Where a symbolic link points. Linux targets are below 4096 bytes. EINVAL for what is no link. */
export function readLinkAt(dirFd: number, name: Name): Name {
  const length = checkCall(
    libc().readlinkat(dirFd, cString(name), linkBuffer, linkBuffer.length),
    "readlinkat",
    name,
  );
  return nameFromBytes(linkBuffer.subarray(0, length));
}
