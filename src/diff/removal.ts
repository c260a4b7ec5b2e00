import { rmdirAt, unlinkAt } from "../sys/entries.ts";
import { hasErrno } from "../sys/errno.ts";
import type { Name } from "../sys/libc.ts";
import { closeFd, O_DIRECTORY, O_NOFOLLOW, O_RDONLY, openAt } from "../sys/open.ts";
import { readDirectory } from "../sys/read-directory.ts";

/** Whether the entry `name` of the open directory is to stay. */
export type Keep = (directoryFd: number, name: Name) => boolean;

const KEEP_NOTHING: Keep = () => false;

/**
 * Removes the entry and all below it, following no link; of a tree, what `keep` wants stays, with the directories
 * above it. Absence is no failure. One descriptor per level: a tree deeper than the limit on them is EMFILE.
 */
export function removeEntry(directoryFd: number, name: Name, keep = KEEP_NOTHING): void {
  const isKept = keep(directoryFd, name);
  try {
    if (!isKept) unlinkAt(directoryFd, name);
    else emptyDirectoryAt(directoryFd, name, keep);
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return;
    if (!hasErrno(error, "EISDIR")) throw error;
    emptyDirectoryAt(directoryFd, name, keep);
    removeIfEmpty(directoryFd, name);
  }
}

/** As `removeEntry` for everything in the directory. `fd` may be an O_PATH descriptor. */
export function emptyDirectory(fd: number, keep = KEEP_NOTHING): void {
  const readable = openAt(fd, ".", O_RDONLY | O_DIRECTORY);
  try {
    for (const { name } of readDirectory(readable)) removeEntry(readable, name, keep);
  } finally {
    closeFd(readable);
  }
}

function emptyDirectoryAt(directoryFd: number, name: Name, keep: Keep): void {
  let fd: number;
  try {
    fd = openAt(directoryFd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  } catch (error) {
    // What is kept need be no directory.
    if (hasErrno(error, "ENOTDIR", "ELOOP")) return;
    throw error;
  }
  try {
    for (const entry of readDirectory(fd)) removeEntry(fd, entry.name, keep);
  } finally {
    closeFd(fd);
  }
}

/** A directory with something left in it that is kept stays. */
function removeIfEmpty(directoryFd: number, name: Name): void {
  try {
    rmdirAt(directoryFd, name);
  } catch (error) {
    if (!hasErrno(error, "ENOTEMPTY", "ENOENT")) throw error;
  }
}
