import { openRoot, readFileBelow } from "../files/resolve-below.ts";
import { hasErrno } from "../sys/errno.ts";
import { closeFd } from "../sys/open.ts";

/** Real ones stay well below 1 MiB. An image can hold any file: 1 GiB of groups must not become our memory. */
const SIZE_BYTES_MAX = 10 << 20;

export interface PasswdEntry {
  name: string;
  uid: number;
  gid: number;
}

export interface GroupEntry {
  name: string;
  gid: number;
  members: readonly string[];
}

/**
 * The entries of `etc/passwd` below `rootfs`, none where there is no such file. Links are followed as the container
 * would follow them, never out of it. Throws FailedPrecondition for a FIFO, device or directory in its place,
 * ResourceExhausted beyond 10 MiB.
 */
export function readPasswd(rootfs: string): PasswdEntry[] {
  return readColumns(rootfs, "etc/passwd").flatMap(([name = "", , uid = "", gid = ""]) =>
    isNumber(uid) && isNumber(gid) ? [{ name, uid: Number(uid), gid: Number(gid) }] : [],
  );
}

/** As `readPasswd`, of `etc/group`. */
export function readGroups(rootfs: string): GroupEntry[] {
  return readColumns(rootfs, "etc/group").flatMap(([name = "", , gid = "", members = ""]) =>
    isNumber(gid)
      ? [{ name, gid: Number(gid), members: members.split(",").map((member) => member.trim()) }]
      : [],
  );
}

/** A malformed number must not be read as 0: that would be root. */
function isNumber(text: string): boolean {
  return /^\d+$/.test(text);
}

function readColumns(rootfs: string, path: string): string[][] {
  const text = readTextBelow(rootfs, path);
  return text.split("\n").map((line) => line.trim().split(":"));
}

function readTextBelow(rootfs: string, path: string): string {
  const root = openRoot(rootfs);
  try {
    return new TextDecoder().decode(readFileBelow(root, path, { sizeBytesMax: SIZE_BYTES_MAX }));
  } catch (error) {
    if (hasErrno(error, "ENOENT", "ENOTDIR")) return "";
    throw error;
  } finally {
    closeFd(root);
  }
}
