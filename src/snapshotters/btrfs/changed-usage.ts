import type { SnapshotUsage } from "../../core/snapshotter.ts";
import { hasErrno } from "../../sys/errno.ts";
import type { Name } from "../../sys/libc.ts";
import { AT_FDCWD, closeFd } from "../../sys/open.ts";
import { readDirectory } from "../../sys/read-directory.ts";
import { type FileStat, isDirectory, statAt } from "../../sys/stat.ts";
import { openDirectory, startCount } from "../disk-usage.ts";

/**
 * What a subvolume has that the one it was made from has not: the files that are new or were changed, each once
 * whatever its names, with all their bytes. A snapshot keeps inode numbers, and every change makes a new change time.
 */
export function changedUsage(path: string, parentPath: string): SnapshotUsage {
  const { usage, count } = startCount();
  countBelow({ fd: AT_FDCWD, parentFd: AT_FDCWD }, path, parentPath, count);
  return usage;
}

interface Pair {
  fd: number;
  parentFd: number | undefined;
}

function countBelow(pair: Pair, name: Name, parentName: Name, count: (stat: FileStat) => void): void {
  const fd = openDirectory(pair.fd, name);
  if (fd === undefined) return;
  const parentFd = pair.parentFd === undefined ? undefined : openDirectory(pair.parentFd, parentName);
  try {
    for (const entry of readDirectory(fd)) {
      const stat = find(fd, entry.name);
      if (stat === undefined) continue;
      const before = parentFd === undefined ? undefined : find(parentFd, entry.name);
      if (!isUnchanged(stat, before)) count(stat);
      if (isDirectory(stat)) countBelow({ fd, parentFd }, entry.name, entry.name, count);
    }
  } finally {
    closeFd(fd);
    if (parentFd !== undefined) closeFd(parentFd);
  }
}

function isUnchanged(stat: FileStat, before: FileStat | undefined): boolean {
  return (
    before !== undefined &&
    stat.inode === before.inode &&
    stat.changed.seconds === before.changed.seconds &&
    stat.changed.nanoseconds === before.changed.nanoseconds
  );
}

function find(fd: number, name: Name): FileStat | undefined {
  try {
    return statAt(fd, name);
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return undefined;
    throw error;
  }
}
