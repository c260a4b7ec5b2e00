import { chmodFd, chownAt, chownFd, setTimesAt, setTimesFd } from "../sys/attributes.ts";
import { readLinkAt, symlinkAt } from "../sys/entries.ts";
import type { Name } from "../sys/libc.ts";
import { AT_FDCWD, closeFd, O_CREAT, O_EXCL, O_NOFOLLOW, O_RDONLY, O_WRONLY, openAt } from "../sys/open.ts";
import { type FileStat, isLink, isRegularFile } from "../sys/stat.ts";
import { copyFileRange } from "../sys/storage.ts";
import { asName, type BytePath, baseOf, parentOf } from "./byte-path.ts";
import type { Directory } from "./layer-tree.ts";
import { copyXattrs, ensureDirectory } from "./parents.ts";
import type { Unpacking } from "./unpacking.ts";

const CREATE = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;
const COPY_BYTES = 1 << 30;

/**
 * Copies a file or symbolic link of a layer below to the same place in this tree, with all attributes, as overlayfs
 * does before a change. Answers its directory here; undefined when no layer shows such an entry there.
 */
export function copyUp(unpacking: Unpacking, path: BytePath): Directory | undefined {
  const { tree, made } = unpacking;
  const lower = tree.openLower(path);
  if (lower === undefined) return undefined;
  try {
    if (!isRegularFile(lower.stat) && !isLink(lower.stat)) return undefined;
    const directory = ensureDirectory(unpacking, parentOf(path));
    const name = asName(baseOf(path));
    if (isRegularFile(lower.stat)) copyFile(lower, directory.fd, name);
    else copyLink(lower, directory.fd, name);
    made.add(directory.fd, name);
    return directory;
  } finally {
    closeFd(lower.fd);
  }
}

function copyFile(lower: { fd: number; stat: FileStat }, directoryFd: number, name: Name): void {
  const { uid, gid, mode, accessed, modified } = lower.stat;
  const from = openAt(AT_FDCWD, `/proc/self/fd/${lower.fd}`, O_RDONLY);
  try {
    const to = openAt(directoryFd, name, CREATE, 0o600);
    try {
      while (copyFileRange(from, to, COPY_BYTES) > 0);
      chownFd(to, uid, gid);
      copyXattrs(from, to);
      chmodFd(to, mode & 0o7777);
      setTimesFd(to, accessed, modified);
    } finally {
      closeFd(to);
    }
  } finally {
    closeFd(from);
  }
}

function copyLink(lower: { fd: number; stat: FileStat }, directoryFd: number, name: Name): void {
  const { uid, gid, accessed, modified } = lower.stat;
  symlinkAt(readLinkAt(lower.fd, ""), directoryFd, name);
  chownAt(directoryFd, name, uid, gid);
  setTimesAt(directoryFd, name, accessed, modified);
}
