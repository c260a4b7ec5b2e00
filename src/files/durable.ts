/**
 * Changes to the file tree that survive a power cut once they return. A rename or a new name is certain only when
 * its directory has been synced; a file's bytes only when the file has.
 */
import { fsync, mkdirSync, renameSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { chmodFd } from "../sys/attributes.ts";
import { asSysError, hasErrno, SysError } from "../sys/errno.ts";
import { AT_FDCWD, closeFd, O_DIRECTORY, O_NOFOLLOW, O_RDONLY, openAt } from "../sys/open.ts";
import { syncFd } from "../sys/storage.ts";

const fsyncAside = promisify(fsync);

/** Makes the names in the directory `path` durable. */
export function syncDirectory(path: string): void {
  const fd = openAt(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
  try {
    syncFd(fd);
  } finally {
    closeFd(fd);
  }
}

/** As `syncDirectory`, while this thread goes on with other things. */
export async function syncDirectoryAside(path: string): Promise<void> {
  const fd = openAt(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
  try {
    await fsyncAside(fd);
  } catch (error) {
    throw asSysError(error, path);
  } finally {
    closeFd(fd);
  }
}

/**
 * Renames atomically and durably, replacing what `to` names. What is renamed must have been synced before: else a
 * power cut can leave the new name with old or no bytes.
 */
export function renameDurably(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    throw asSysError(error, to);
  }
  syncDirectory(dirname(to));
  if (dirname(from) !== dirname(to)) syncDirectory(dirname(from));
}

/**
 * Makes the directory `path` and what is missing above it, each with exactly `mode` whatever the umask, and at no
 * moment with more. One that exists keeps its mode. Throws `SysError`: ENOTDIR when something else is in the way.
 */
export function makeDirectoryDurably(path: string, mode: number): void {
  if (isDirectory(path)) return;
  if (dirname(path) !== path) makeDirectoryDurably(dirname(path), mode);
  try {
    mkdirSync(path, mode & 0o700);
  } catch (error) {
    if (hasErrno(error, "EEXIST") && isDirectory(path)) return;
    throw asSysError(error, path);
  }
  setMode(path, mode);
  syncDirectory(dirname(path));
}

/** Whether it exists. Follows links: a state directory may well be one. */
function isDirectory(path: string): boolean {
  try {
    if (statSync(path).isDirectory()) return true;
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return false;
    throw asSysError(error, path);
  }
  throw new SysError("ENOTDIR", "stat", path);
}

function setMode(path: string, mode: number): void {
  const fd = openAt(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  try {
    chmodFd(fd, mode);
  } finally {
    closeFd(fd);
  }
}
