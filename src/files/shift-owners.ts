/**
 * Gives every file of a tree to another owner, by a rule. Set-user-id bits and file capabilities, which the kernel
 * takes away at a change of owner, are put back; capabilities for the namespace whose root is `shift.uid(0)`. Links
 * are never followed. What a kill leaves is a tree half shifted, which cannot be told from a whole one.
 */
import { chmodAt, chmodFd, chownAt, chownFd } from "../sys/attributes.ts";
import type { Name } from "../sys/libc.ts";
import { AT_FDCWD, closeFd, O_DIRECTORY, O_NOFOLLOW, O_RDONLY, openAt } from "../sys/open.ts";
import { procPath } from "../sys/proc-path.ts";
import { readDirectory } from "../sys/read-directory.ts";
import { type FileStat, isDirectory, isLink, isRegularFile, statAt, statFd } from "../sys/stat.ts";
import { getXattr, setXattr } from "../sys/xattr.ts";

export interface OwnerShift {
  uid(id: number): number;
  gid(id: number): number;
}

interface Shifting {
  shift: OwnerShift;
  /** Files of several names, by device and inode, with their owner before. */
  linked: Map<string, { uid: number; gid: number }>;
}

export function shiftOwners(path: string, shift: OwnerShift): void {
  const fd = openAt(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
  try {
    shiftDirectory({ shift, linked: new Map() }, fd);
  } finally {
    closeFd(fd);
  }
}

function shiftDirectory(shifting: Shifting, fd: number): void {
  for (const { name } of readDirectory(fd)) shiftEntry(shifting, fd, name);
  const { uid, gid, mode } = statFd(fd);
  chownFd(fd, shifting.shift.uid(uid), shifting.shift.gid(gid));
  chmodFd(fd, mode & 0o7777);
}

function shiftEntry(shifting: Shifting, parentFd: number, name: Name): void {
  const stat = statAt(parentFd, name);
  if (!isDirectory(stat)) {
    if (!wasShifted(shifting, stat)) shiftFile(shifting.shift, parentFd, name, stat);
    return;
  }
  const fd = openAt(parentFd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  try {
    shiftDirectory(shifting, fd);
  } finally {
    closeFd(fd);
  }
}

/** Under another of its names; unless that became a file of its own by it, as on overlayfs. */
function wasShifted({ linked }: Shifting, stat: FileStat): boolean {
  if (stat.linkCount === 1) return false;
  const key = `${stat.deviceMajor}:${stat.deviceMinor}:${stat.inode}`;
  const before = linked.get(key);
  if (before === undefined) linked.set(key, { uid: stat.uid, gid: stat.gid });
  return before !== undefined && (before.uid !== stat.uid || before.gid !== stat.gid);
}

function shiftFile(shift: OwnerShift, parentFd: number, name: Name, stat: FileStat): void {
  const path = procPath(parentFd, name);
  const capability = isRegularFile(stat) ? getXattr(path, CAPABILITY) : undefined;
  chownAt(parentFd, name, shift.uid(stat.uid), shift.gid(stat.gid));
  if (!isLink(stat) && (stat.mode & 0o6000) !== 0) chmodAt(parentFd, name, stat.mode & 0o7777);
  if (capability) setXattr(path, CAPABILITY, namespacedCapability(capability, shift.uid(0)));
}

const CAPABILITY = "security.capability";
/** linux/capability.h, vfs_ns_cap_data: revision and flags, two pairs of sets, the namespace's root. */
const REVISION_3 = 0x03000000;
const FLAGS = 0x00ffffff;
const ROOT_AT = 20;

function namespacedCapability(value: Uint8Array, rootId: number): Uint8Array {
  const bytes = Buffer.alloc(ROOT_AT + 4);
  bytes.set(value.subarray(0, ROOT_AT));
  bytes.writeUInt32LE(((bytes.readUInt32LE(0) & FLAGS) | REVISION_3) >>> 0, 0);
  bytes.writeUInt32LE(rootId, ROOT_AT);
  return bytes;
}
