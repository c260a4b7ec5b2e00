import { rmdirAt, unlinkAt } from "../sys/entries.ts";
import { hasErrno } from "../sys/errno.ts";
import { AT_FDCWD, closeFd, O_DIRECTORY, O_NOFOLLOW, O_RDONLY, openAt } from "../sys/open.ts";
import { type DirectoryEntry, readDirectory } from "../sys/read-directory.ts";

const MAX_TRIES = 10;

/**
 * Removes a directory of ours with what is in it; fine when it is gone. `leave` names directories that must be empty:
 * mount points, whose removal fails and loses nothing when something is mounted there still.
 */
export function removeDirectory(path: string, leave: readonly string[] = []): void {
  for (let tries = 1; ; tries++) {
    for (const { name, type } of listEntries(path)) {
      const below = `${path}/${name}`;
      if (type !== "directory") removeQuietly(() => unlinkAt(AT_FDCWD, below));
      else if (leave.includes(`${name}`)) removeQuietly(() => rmdirAt(AT_FDCWD, below));
      else removeDirectory(below);
    }
    try {
      removeQuietly(() => rmdirAt(AT_FDCWD, path));
      return;
    } catch (error) {
      // A client that was attached notes how far it has read, perhaps after we looked.
      if (!hasErrno(error, "ENOTEMPTY") || tries === MAX_TRIES) throw error;
    }
  }
}

function listEntries(path: string): DirectoryEntry[] {
  let fd: number;
  try {
    fd = openAt(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return [];
    throw error;
  }
  try {
    return readDirectory(fd);
  } finally {
    closeFd(fd);
  }
}

function removeQuietly(remove: () => void): void {
  try {
    remove();
  } catch (error) {
    if (!hasErrno(error, "ENOENT")) throw error;
  }
}
