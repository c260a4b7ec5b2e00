/**
 * Recursive removal that can only remove what is in the tree: every step is relative to a directory's descriptor, no
 * link is followed, and no mount is entered. The last rule protects the host: a bind mount that was left below the
 * tree would otherwise lead the removal into the host's own files.
 *
 * Relies on openat2 with RESOLVE_NO_XDEV, which notices bind mounts of the same filesystem too; without it, on the
 * mount id in /proc/self/fdinfo.
 */
import { readFileSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { CtrError } from "../core/errors.ts";
import { rmdirAt, unlinkAt } from "../sys/entries.ts";
import { hasErrno, SysError } from "../sys/errno.ts";
import { type Name, nameText } from "../sys/libc.ts";
import { mountPointsBelow } from "../sys/mount.ts";
import {
  AT_FDCWD,
  closeFd,
  hasOpenAt2,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_PATH,
  O_RDONLY,
  openAt,
  openAt2,
  RESOLVE_BENEATH,
  RESOLVE_NO_SYMLINKS,
  RESOLVE_NO_XDEV,
} from "../sys/open.ts";
import { type DirectoryEntry, readDirectory } from "../sys/read-directory.ts";
import { type FileStat, isSameFile, statFd } from "../sys/stat.ts";

/** Of a deep tree this many directories stay open; the others are found again by `..`. */
const OPEN_DIRECTORIES_MAX = 128;
/** How often a directory that somebody else keeps filling is emptied before it is left to them. */
const ATTEMPTS_MAX = 20;

interface Level {
  name: Name;
  fd: number | undefined;
  stat: FileStat;
  left: DirectoryEntry[];
  attempt: number;
}

/**
 * Removes `path` and all below it; `path` itself may be a file or a link, which is not followed. Nothing to remove is
 * no failure, and others may remove the same tree at the same time. Throws FailedPrecondition when something is
 * mounted in it, before anything is removed when it was mounted before the call. Throws `SysError` with the path
 * that resists; what is not removed then can be tried again.
 */
export function removeTree(path: string): void {
  const top = resolve(path);
  if (top === "/") throw new CtrError("InvalidArgument", "removal of the root directory");
  const [mountPoint] = mountPointsBelow(top);
  if (mountPoint !== undefined) throw mountedInside(top, mountPoint);
  const parentFd = openParent(dirname(top));
  if (parentFd === undefined) return;
  try {
    removeTreeAt(parentFd, basename(top), top);
  } finally {
    closeFd(parentFd);
  }
}

/**
 * The same for the entry `name` (one component) of an open directory, which so cannot be exchanged meanwhile; `path`
 * names it in messages. A mount inside is noticed when it is met, with what came before it removed.
 */
export function removeTreeAt(directoryFd: number, name: Name, path = nameText(name)): void {
  for (let attempt = 1; !removeOnce({ parentFd: directoryFd, name, path, levels: [] }); attempt++) {
    if (attempt === ATTEMPTS_MAX) throw new CtrError("Unavailable", `${path} is being changed by others`);
  }
}

/** False when others moved directories about, so that the way back up is lost. */
function removeOnce(removal: Removal): boolean {
  const { levels } = removal;
  try {
    removeEntry(removal, { name: removal.name, type: "unknown" });
    for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
      const entry = level.left.pop();
      if (entry !== undefined) removeEntry(removal, entry);
      else if (!leaveDirectory(removal, level)) return false;
    }
    return true;
  } finally {
    for (const { fd } of levels) if (fd !== undefined) closeFd(fd);
  }
}

interface Removal {
  parentFd: number;
  name: Name;
  path: string;
  levels: Level[];
}

function removeEntry(removal: Removal, { name, type }: DirectoryEntry): void {
  if (type === "directory") {
    enterDirectory(removal, name, 1);
    return;
  }
  try {
    unlinkAt(currentFd(removal), name);
  } catch (error) {
    if (hasErrno(error, "EISDIR")) enterDirectory(removal, name, 1);
    else if (!hasErrno(error, "ENOENT")) throw named(removal, name, error);
  }
}

function enterDirectory(removal: Removal, name: Name, attempt: number): void {
  const { levels } = removal;
  let fd: number;
  try {
    fd = openChild(currentFd(removal), name);
  } catch (error) {
    if (hasErrno(error, "ENOTDIR", "ELOOP")) removeEntry(removal, { name, type: "unknown" });
    else if (!hasErrno(error, "ENOENT")) throw named(removal, name, error);
    return;
  }
  const level: Level = { name, fd, stat: statFd(fd), left: [], attempt };
  levels.push(level);
  level.left = readDirectory(fd);
  const forgotten = levels.at(-1 - OPEN_DIRECTORIES_MAX);
  if (forgotten?.fd !== undefined) {
    closeFd(forgotten.fd);
    forgotten.fd = undefined;
  }
}

/** Removes the emptied directory and goes back to the one above; false when that is not where it was. */
function leaveDirectory(removal: Removal, level: Level): boolean {
  const { levels } = removal;
  const above = levels.at(-2);
  if (above !== undefined && above.fd === undefined) {
    const fd = openAbove(level.fd!, above.stat);
    if (fd === undefined) return false;
    above.fd = fd;
  }
  levels.pop();
  closeFd(level.fd!);
  try {
    rmdirAt(currentFd(removal), level.name);
  } catch (error) {
    if (hasErrno(error, "ENOTEMPTY", "EEXIST") && level.attempt < ATTEMPTS_MAX) {
      enterDirectory(removal, level.name, level.attempt + 1);
    } else if (hasErrno(error, "ENOTDIR")) {
      removeEntry(removal, { name: level.name, type: "unknown" });
    } else if (!hasErrno(error, "ENOENT")) throw named(removal, level.name, error);
  }
  return true;
}

function currentFd({ levels, parentFd }: Removal): number {
  return levels.at(-1)?.fd ?? parentFd;
}

function openChild(aboveFd: number, name: Name): number {
  const flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
  if (hasOpenAt2())
    return openAt2(aboveFd, name, flags, RESOLVE_NO_XDEV | RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
  const fd = openAt(aboveFd, name, flags);
  if (mountIdOf(fd) === mountIdOf(aboveFd)) return fd;
  closeFd(fd);
  throw new SysError("EXDEV", "openat", name);
}

function mountIdOf(fd: number): number {
  try {
    const info = readFileSync(`/proc/self/fdinfo/${fd}`, "latin1");
    return Number(/^mnt_id:\s*(\d+)$/m.exec(info)![1]);
  } catch (cause) {
    // Not ENOENT, which would mean that there is nothing to remove.
    throw new CtrError("FailedPrecondition", "safe removal needs /proc or openat2", { cause });
  }
}

function openParent(path: string): number | undefined {
  try {
    return openAt(AT_FDCWD, path, O_PATH | O_DIRECTORY);
  } catch (error) {
    if (hasErrno(error, "ENOENT", "ENOTDIR")) return undefined;
    throw error;
  }
}

/** The directory above, if it still is the one we came from. */
function openAbove(fd: number, stat: FileStat): number | undefined {
  let above: number;
  try {
    above = openAt(fd, "..", O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return undefined;
    throw error;
  }
  if (isSameFile(statFd(above), stat)) return above;
  closeFd(above);
  return undefined;
}

/** The failure with the whole path in it; one at a mount says so. */
function named({ path, levels }: Removal, name: Name, error: unknown): unknown {
  if (!(error instanceof SysError)) return error;
  const inside = levels.length === 0 ? [] : [...levels.slice(1).map((level) => level.name), name];
  const place = [path, ...inside.map(nameText)].join("/");
  if (hasErrno(error, "EXDEV", "EBUSY")) return mountedInside(path, place);
  return new SysError(error.errno, error.syscall, place, error);
}

function mountedInside(path: string, mountPoint: string): CtrError {
  return new CtrError("FailedPrecondition", `remove ${path}: something is mounted at ${mountPoint}`, {
    hint: `unmount it first: umount ${mountPoint}`,
  });
}
