import { CtrError } from "../core/errors.ts";
import {
  chmodAt,
  chmodFd,
  chownAt,
  chownFd,
  type FileTime,
  setTimesAt,
  setTimesFd,
} from "../sys/attributes.ts";
import { hasErrno } from "../sys/errno.ts";
import type { Name } from "../sys/libc.ts";
import { procPath } from "../sys/proc-path.ts";
import { setXattr, setXattrFd } from "../sys/xattr.ts";
import type { TarHeader, TarTime } from "../tar/header.ts";

const EPOCH: FileTime = { seconds: 0, nanoseconds: 0 };
/** What fits 63 bits of nanoseconds; containerd takes what is outside, and what is before 1970, for 1970. */
const MAX_SECONDS = 9223372036;
const NO_ID = 2 ** 32 - 1;

/** Owner, extended attributes, mode, times: chown takes setuid bits away and file capabilities, so it is first. */
export function setAttributesFd(fd: number, header: TarHeader): void {
  const { modified, accessed } = fileTimes(header);
  chownFd(fd, header.uid, header.gid);
  for (const { key, value } of header.xattrs) trySetXattr(key, true, () => setXattrFd(fd, key, value));
  chmodFd(fd, header.mode);
  setTimesFd(fd, accessed, modified);
}

/** As `setAttributesFd` for what cannot be opened: links, devices, FIFOs, and files of other names. */
export function setAttributesAt(
  directoryFd: number,
  name: Name,
  header: TarHeader,
  type: "link" | "file" | "other",
): void {
  const { modified, accessed } = fileTimes(header);
  chownAt(directoryFd, name, header.uid, header.gid);
  for (const { key, value } of header.xattrs) {
    trySetXattr(key, type === "file", () => setXattr(procPath(directoryFd, name), key, value));
  }
  if (type !== "link") chmodAt(directoryFd, name, header.mode);
  setTimesAt(directoryFd, name, accessed, modified);
}

/** The time of last access is never before that of the last change, as containerd has it. */
export function fileTimes({ modified, accessed }: TarHeader): { modified: FileTime; accessed: FileTime } {
  const latest = accessed && isAfter(accessed, modified) ? accessed : modified;
  return { modified: bounded(modified), accessed: bounded(latest) };
}

function isAfter(one: TarTime, other: TarTime): boolean {
  return one.seconds === other.seconds ? one.nanoseconds > other.nanoseconds : one.seconds > other.seconds;
}

function bounded(time: TarTime): FileTime {
  return time.seconds < 0 || time.seconds >= MAX_SECONDS ? EPOCH : time;
}

/**
 * The ID as the kernel takes it. Archives of other systems have negative ones (nobody is -2), which it takes modulo
 * 2^32. Throws InvalidArgument for those beyond, and for -1, by which it would leave the owner as it is.
 */
export function kernelId(id: number): number {
  const unsigned = id < 0 ? id + 2 ** 32 : id;
  if (unsigned < 0 || unsigned >= NO_ID) throw new CtrError("InvalidArgument", `user or group ID ${id}`);
  return unsigned;
}

/**
 * containerd's rules: `trusted.` ones from an archive could steer overlayfs, and are left out; so is what the
 * filesystem has no place for, and `user.` ones where the kernel has none (links, devices).
 */
function trySetXattr(key: string, isFileOrDirectory: boolean, set: () => void): void {
  if (key.startsWith("trusted.")) return;
  try {
    set();
  } catch (error) {
    if (hasErrno(error, "EOPNOTSUPP")) return;
    if (hasErrno(error, "EPERM") && key.startsWith("user.") && !isFileOrDirectory) return;
    throw error;
  }
}
