/**
 * A copy of a directory tree that nobody can tell from the original: owners, modes, times in nanoseconds, extended
 * attributes, hardlinks, holes, device nodes, FIFOs, sockets. Links are copied, never followed, and mounts below are
 * copied as what they show. Blocks are shared where the filesystem has reflinks.
 *
 * Neither atomic nor durable: what a kill leaves is part of a tree.
 */
import { ftruncateSync } from "node:fs";
import { chmodAt, chmodFd, chownAt, chownFd, setTimesAt, setTimesFd } from "../sys/attributes.ts";
import { deviceNumber, linkAt, mkdirAt, mknodAt, readLinkAt, symlinkAt } from "../sys/entries.ts";
import { seekData, seekHole, seekTo } from "../sys/holes.ts";
import type { Name } from "../sys/libc.ts";
import {
  AT_FDCWD,
  closeFd,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_RDONLY,
  O_WRONLY,
  openAt,
} from "../sys/open.ts";
import { procPath } from "../sys/proc-path.ts";
import { readDirectory } from "../sys/read-directory.ts";
import { type FileStat, isDirectory, isLink, isRegularFile, statAt, statFd } from "../sys/stat.ts";
import { copyFileRange, reflink } from "../sys/storage.ts";
import { getXattr, getXattrFd, listXattrs, listXattrsFd, setXattr, setXattrFd } from "../sys/xattr.ts";

const DIRECTORY = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;

/** Where the copy of a hardlinked file is. */
interface Copied {
  path: Buffer;
}

interface Copying {
  targetRootFd: number;
  /** By device and inode. */
  linked: Map<string, Copied>;
  /** Until a file shows that they cannot be. */
  canReflink: boolean;
}

interface Pair {
  from: number;
  to: number;
  /** Below the target's root, of bytes. */
  path: Buffer;
}

/** Fills the existing, empty directory `to` with what is in `from`, and gives it the attributes of `from`. */
export function copyTree(from: string, to: string): void {
  const fromFd = openAt(AT_FDCWD, from, DIRECTORY);
  try {
    const toFd = openAt(AT_FDCWD, to, DIRECTORY);
    try {
      const copying = { targetRootFd: toFd, linked: new Map(), canReflink: true };
      copyContent(copying, { from: fromFd, to: toFd, path: Buffer.alloc(0) });
    } finally {
      closeFd(toFd);
    }
  } finally {
    closeFd(fromFd);
  }
}

/** Times last: what is made inside changes them. */
function copyContent(copying: Copying, pair: Pair): void {
  for (const { name } of readDirectory(pair.from)) copyEntry(copying, pair, name);
  copyAttributes(pair.from, pair.to);
}

function copyEntry(copying: Copying, pair: Pair, name: Name): void {
  const stat = statAt(pair.from, name);
  if (isDirectory(stat)) copyDirectory(copying, pair, name);
  else if (stat.linkCount === 1) copyLeaf(copying, pair, name, stat);
  else {
    const key = `${stat.deviceMajor}:${stat.deviceMinor}:${stat.inode}`;
    const copied = copying.linked.get(key);
    if (copied) linkAt(copying.targetRootFd, copied.path, pair.to, name);
    else {
      copyLeaf(copying, pair, name, stat);
      copying.linked.set(key, { path: below(pair.path, name) });
    }
  }
}

function copyDirectory(copying: Copying, pair: Pair, name: Name): void {
  mkdirAt(pair.to, name, 0o700);
  const from = openAt(pair.from, name, DIRECTORY);
  try {
    const to = openAt(pair.to, name, DIRECTORY);
    try {
      copyContent(copying, { from, to, path: below(pair.path, name) });
    } finally {
      closeFd(to);
    }
  } finally {
    closeFd(from);
  }
}

function copyLeaf(copying: Copying, pair: Pair, name: Name, stat: FileStat): void {
  if (isRegularFile(stat)) copyFile(copying, pair, name);
  else copySpecial(pair, name, stat);
}

function copyFile(copying: Copying, pair: Pair, name: Name): void {
  const from = openAt(pair.from, name, O_RDONLY | O_NOFOLLOW);
  try {
    const to = openAt(pair.to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
    try {
      const { sizeBytes } = statFd(from);
      if (sizeBytes > 0 && copying.canReflink) copying.canReflink = reflink(from, to);
      if (sizeBytes > 0 && !copying.canReflink) copyData(from, to, sizeBytes);
      copyAttributes(from, to);
    } finally {
      closeFd(to);
    }
  } finally {
    closeFd(from);
  }
}

function copyData(from: number, to: number, sizeBytes: number): void {
  ftruncateSync(to, sizeBytes);
  for (let at = seekData(from, 0); at !== undefined && at < sizeBytes; at = seekData(from, at)) {
    const end = seekHole(from, at);
    seekTo(from, at);
    seekTo(to, at);
    while (at < end) {
      const copiedBytes = copyFileRange(from, to, end - at);
      if (copiedBytes === 0) return;
      at += copiedBytes;
    }
  }
}

/** Of an open file or directory: chown takes setuid bits and file capabilities away, so it is first. */
function copyAttributes(from: number, to: number): void {
  const { uid, gid, mode, accessed, modified } = statFd(from);
  chownFd(to, uid, gid);
  for (const key of listXattrsFd(from)) {
    const value = getXattrFd(from, key);
    if (value) setXattrFd(to, key, value);
  }
  chmodFd(to, mode & 0o7777);
  setTimesFd(to, accessed, modified);
}

function copySpecial({ from, to }: Pair, name: Name, stat: FileStat): void {
  const { uid, gid, mode, accessed, modified } = stat;
  if (isLink(stat)) symlinkAt(readLinkAt(from, name), to, name);
  else mknodAt(to, name, mode, deviceNumber(stat.nodeMajor, stat.nodeMinor));
  chownAt(to, name, uid, gid);
  for (const key of listXattrs(procPath(from, name))) {
    const value = getXattr(procPath(from, name), key);
    if (value) setXattr(procPath(to, name), key, value);
  }
  if (!isLink(stat)) chmodAt(to, name, mode & 0o7777);
  setTimesAt(to, name, accessed, modified);
}

function below(path: Buffer, name: Name): Buffer {
  const base = typeof name === "string" ? Buffer.from(name) : name;
  return path.length === 0 ? Buffer.from(base) : Buffer.concat([path, Buffer.from("/"), base]);
}
