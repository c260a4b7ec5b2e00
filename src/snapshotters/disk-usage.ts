import type { SnapshotUsage } from "../core/snapshotter.ts";
import { hasErrno } from "../sys/errno.ts";
import type { Name } from "../sys/libc.ts";
import { AT_FDCWD, closeFd, O_DIRECTORY, O_NOFOLLOW, O_RDONLY, openAt } from "../sys/open.ts";
import { readDirectory } from "../sys/read-directory.ts";
import { type FileStat, isDirectory, statAt, statFd } from "../sys/stat.ts";

/**
 * What a tree takes up on disk: allocated bytes and inodes, its root included, each file once whatever its names.
 * What others remove meanwhile is left out.
 */
export function diskUsage(path: string): SnapshotUsage {
  const { usage, count } = startCount();
  countDirectory(AT_FDCWD, path, count);
  return usage;
}

/** Sums what is handed to `count`, a file with several names once. */
export function startCount(): { usage: SnapshotUsage; count: (stat: FileStat) => void } {
  const usage = { sizeBytes: 0, inodes: 0 };
  const linked = new Set<bigint>();
  const count = (stat: FileStat) => {
    if (stat.linkCount > 1 && !isDirectory(stat)) {
      if (linked.has(stat.inode)) return;
      linked.add(stat.inode);
    }
    usage.sizeBytes += stat.allocatedBytes;
    usage.inodes++;
  };
  return { usage, count };
}

/** One descriptor per level. */
function countDirectory(parentFd: number, name: Name, count: (stat: FileStat) => void): void {
  const fd = openDirectory(parentFd, name);
  if (fd === undefined) return;
  try {
    count(statFd(fd));
    for (const entry of readDirectory(fd)) {
      if (entry.type === "directory") countDirectory(fd, entry.name, count);
      else countEntry(fd, entry.name, count);
    }
  } finally {
    closeFd(fd);
  }
}

function countEntry(directoryFd: number, name: Name, count: (stat: FileStat) => void): void {
  try {
    count(statAt(directoryFd, name));
  } catch (error) {
    if (!hasErrno(error, "ENOENT")) throw error;
  }
}

/** Undefined when it is gone, or is no directory any more. */
export function openDirectory(parentFd: number, name: Name): number | undefined {
  try {
    return openAt(parentFd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  } catch (error) {
    if (hasErrno(error, "ENOENT", "ENOTDIR", "ELOOP")) return undefined;
    throw error;
  }
}
