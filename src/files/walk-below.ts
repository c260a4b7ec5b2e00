/**
 * openat2's RESOLVE_IN_ROOT by hand, for kernels before 5.6 and seccomp filters that forbid it. Every step opens one
 * component without following it; the directories passed stay open on a stack, so that `..` goes back to where we
 * came from and not to where the directory has been moved meanwhile.
 */

import { duplicateFd } from "../sys/descriptors.ts";
import { readLinkAt } from "../sys/entries.ts";
import { SysError } from "../sys/errno.ts";
import type { Name } from "../sys/libc.ts";
import { AT_FDCWD, closeFd, O_DIRECTORY, O_NOFOLLOW, O_PATH, openAt } from "../sys/open.ts";
import { isDirectory, isLink, statFd } from "../sys/stat.ts";

/** The kernel's own limit (path_resolution(7)). */
const LINKS_MAX = 40;
const SLASH = 47;

/** As `openBelow`. Needs /proc where `flags` ask for more than O_PATH and the result is no directory. */
export function openByWalking(rootFd: number, path: Name, flags: number): number {
  const passed: number[] = [];
  let handle: number | undefined;
  try {
    handle = walk(rootFd, passed, path, (flags & O_NOFOLLOW) !== 0);
    return reopen(handle ?? passed.at(-1) ?? rootFd, path, flags);
  } finally {
    if (handle !== undefined) closeFd(handle);
    for (const fd of passed) closeFd(fd);
  }
}

/** Leaves the directories it is in on `passed`; returns the last component when that is no directory. */
function walk(rootFd: number, passed: number[], path: Name, staysOnLink: boolean): number | undefined {
  const ahead = components(path);
  let linkCount = 0;
  for (let name = ahead.shift(); name !== undefined; name = ahead.shift()) {
    if (isNamed(name, ".")) continue;
    if (isNamed(name, "..")) {
      const left = passed.pop();
      if (left !== undefined) closeFd(left);
      continue;
    }
    const fd = openAt(passed.at(-1) ?? rootFd, name, O_PATH | O_NOFOLLOW);
    const stat = statFd(fd);
    if (isDirectory(stat)) {
      passed.push(fd);
    } else if (isLink(stat) && !(staysOnLink && ahead.length === 0)) {
      const target = takeLink(fd);
      if (++linkCount > LINKS_MAX) throw new SysError("ELOOP", "open", path);
      if (startsAtRoot(target)) for (const left of passed.splice(0)) closeFd(left);
      ahead.unshift(...components(target));
    } else {
      if (ahead.length === 0) return fd;
      closeFd(fd);
      throw new SysError("ENOTDIR", "open", path);
    }
  }
  return undefined;
}

/** A fresh open file of what `handle` stands for; with O_PATH, a copy of the handle. */
function reopen(handle: number, path: Name, flags: number): number {
  const isDirectoryHandle = isDirectory(statFd(handle));
  if ((flags & O_DIRECTORY) !== 0 && !isDirectoryHandle) throw new SysError("ENOTDIR", "open", path);
  if ((flags & O_PATH) !== 0) return duplicateFd(handle);
  if (isDirectoryHandle) return openAt(handle, ".", flags);
  if (isLink(statFd(handle))) throw new SysError("ELOOP", "open", path);
  return openAt(AT_FDCWD, `/proc/self/fd/${handle}`, flags & ~O_NOFOLLOW);
}

function takeLink(fd: number): Name {
  try {
    return readLinkAt(fd, "");
  } finally {
    closeFd(fd);
  }
}

/** `.` stands for each empty component, a slash at the end too: it asks for a directory. */
function components(path: Name): Name[] {
  if (typeof path === "string") return path === "" ? [] : path.split("/").map((name) => name || ".");
  const names: Name[] = [];
  for (let start = 0; start <= path.length && path.length > 0; ) {
    const slashAt = path.indexOf(SLASH, start);
    const end = slashAt === -1 ? path.length : slashAt;
    names.push(end === start ? "." : path.slice(start, end));
    start = end + 1;
  }
  return names;
}

function startsAtRoot(path: Name): boolean {
  return typeof path === "string" ? path.startsWith("/") : path[0] === SLASH;
}

function isNamed(name: Name, text: string): boolean {
  return typeof name === "string" ? name === text : Buffer.from(text).equals(name);
}
