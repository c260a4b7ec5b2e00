/**
 * Extended attributes, whose values are bytes (security.capability is binary). The `Fd` calls need a real
 * descriptor, not an O_PATH one; the others act on `path` itself, never on what it links to, but follow every
 * directory before it: below a directory that others may change, give `/proc/self/fd/N/name`.
 */
import { checkCall, hasErrno, SysError } from "./errno.ts";
import { cString, LONG, lastErrno, linkOnFirstUse, type Name, SIZE } from "./libc.ts";

/** The kernel's limit for a value and for a list of names (linux/limits.h). */
const XATTR_SIZE_MAX = 65536;

const libc = linkOnFirstUse({
  lgetxattr: { args: ["cstring", "cstring", "ptr", SIZE], returns: LONG },
  fgetxattr: { args: ["i32", "cstring", "ptr", SIZE], returns: LONG },
  lsetxattr: { args: ["cstring", "cstring", "ptr", SIZE, "i32"], returns: "i32" },
  fsetxattr: { args: ["i32", "cstring", "ptr", SIZE, "i32"], returns: "i32" },
  llistxattr: { args: ["cstring", "ptr", SIZE], returns: LONG },
  flistxattr: { args: ["i32", "ptr", SIZE], returns: LONG },
});

/** The value of attribute `key` of `path` itself; `undefined` when it has none. */
export function getXattr(path: Name, key: string): Uint8Array | undefined {
  return readValue("lgetxattr", path, (buffer) =>
    libc().lgetxattr(cString(path), cString(key), buffer, XATTR_SIZE_MAX),
  );
}

export function getXattrFd(fd: number, key: string): Uint8Array | undefined {
  return readValue("fgetxattr", key, (buffer) => libc().fgetxattr(fd, cString(key), buffer, XATTR_SIZE_MAX));
}

/** Sets or replaces. EOPNOTSUPP where the filesystem has no such attributes; EPERM for `user.` ones of a link. */
export function setXattr(path: Name, key: string, value: Uint8Array): void {
  const bytes = nonEmpty(value);
  checkCall(libc().lsetxattr(cString(path), cString(key), bytes, value.length, 0), `lsetxattr ${key}`, path);
}

export function setXattrFd(fd: number, key: string, value: Uint8Array): void {
  checkCall(libc().fsetxattr(fd, cString(key), nonEmpty(value), value.length, 0), `fsetxattr ${key}`);
}

/** The names of all attributes of `path` itself, in no order; none where the filesystem has no attributes. */
export function listXattrs(path: Name): string[] {
  return splitNames(
    readValue("llistxattr", path, (buffer) => libc().llistxattr(cString(path), buffer, XATTR_SIZE_MAX)),
  );
}

export function listXattrsFd(fd: number): string[] {
  return splitNames(
    readValue("flistxattr", undefined, (buffer) => libc().flistxattr(fd, buffer, XATTR_SIZE_MAX)),
  );
}

let readBuffer: Buffer | undefined;

/** One call instead of asking for the size first: the buffer holds the longest there is. */
function readValue(
  syscall: string,
  subject: Name | undefined,
  call: (buffer: Buffer) => number | bigint,
): Uint8Array | undefined {
  readBuffer ??= Buffer.allocUnsafeSlow(XATTR_SIZE_MAX);
  const length = call(readBuffer);
  if (length !== -1) return new Uint8Array(readBuffer.subarray(0, Number(length)));
  const failure = new SysError(lastErrno(), syscall, subject);
  if (hasErrno(failure, "ENODATA", "EOPNOTSUPP")) return undefined;
  throw failure;
}

function splitNames(list: Uint8Array | undefined): string[] {
  return list === undefined ? [] : Buffer.from(list).toString().split("\0").filter(Boolean);
}

/** An empty view has no address to pass. */
function nonEmpty(value: Uint8Array): Uint8Array {
  return value.length === 0 ? new Uint8Array(1) : value;
}
