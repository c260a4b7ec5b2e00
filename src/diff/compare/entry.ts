import { S_IFMT } from "../../sys/entries.ts";
import { hasErrno } from "../../sys/errno.ts";
import type { Name } from "../../sys/libc.ts";
import { closeFd, O_NOFOLLOW, O_RDONLY, openAt } from "../../sys/open.ts";
import { procPath } from "../../sys/proc-path.ts";
import { type FileStat, statAt } from "../../sys/stat.ts";
import { getXattr } from "../../sys/xattr.ts";

const CAPABILITY = "security.capability";

/** A name in an open directory, and what it was when it was looked at. */
export interface Entry {
  directoryFd: number;
  name: Name;
  stat: FileStat;
}

export function findEntry(directoryFd: number, name: Name): Entry | undefined {
  try {
    return { directoryFd, name, stat: statAt(directoryFd, name) };
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return undefined;
    throw error;
  }
}

export function typeOf({ stat }: Entry): number {
  return stat.mode & S_IFMT;
}

/** Empty for a file without capabilities. */
export function capabilityOf({ directoryFd, name }: Entry): Uint8Array {
  return getXattr(procPath(directoryFd, name), CAPABILITY) ?? new Uint8Array();
}

/** Runs `use` with a descriptor to read the regular file by. */
export function withFile<T>({ directoryFd, name }: Entry, use: (fd: number) => T): T {
  const fd = openAt(directoryFd, name, O_RDONLY | O_NOFOLLOW);
  try {
    return use(fd);
  } finally {
    closeFd(fd);
  }
}
