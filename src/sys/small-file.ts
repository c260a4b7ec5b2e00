/**
 * Small files, whole, without node:fs: half a megabyte of private memory that each supervisor would keep for good.
 * Dangerous here: everything blocks, so only for files of the kernel's or our own.
 */
import { readNow, writeNow } from "./descriptors.ts";
import { renameAt, unlinkAt } from "./entries.ts";
import { hasErrno, SysError } from "./errno.ts";
import { AT_FDCWD, closeFd, O_CREAT, O_RDONLY, O_TRUNC, O_WRONLY, openAt } from "./open.ts";

const CHUNK_BYTES = 4096;

/** The text of a file; `undefined` when there is none. Throws `SysError`. */
export function readSmallFile(path: string): string | undefined {
  let fd: number;
  try {
    fd = openAt(AT_FDCWD, path, O_RDONLY);
  } catch (error) {
    if (hasErrno(error, "ENOENT", "ENOTDIR")) return undefined;
    throw error;
  }
  const parts: Uint8Array[] = [];
  try {
    for (;;) {
      const chunk = new Uint8Array(CHUNK_BYTES);
      const count = readNow(fd, chunk) ?? 0;
      if (count === 0) return Buffer.concat(parts).toString();
      parts.push(chunk.subarray(0, count));
    }
  } finally {
    closeFd(fd);
  }
}

/** Replaces a file at once for every reader; not synced. Throws `SysError`. */
export function replaceSmallFile(path: string, text: string, mode: number): void {
  const draft = `${path}.new`;
  const fd = openAt(AT_FDCWD, draft, O_WRONLY | O_CREAT | O_TRUNC, mode);
  try {
    let rest: Uint8Array = Buffer.from(text);
    while (rest.length > 0) rest = rest.subarray(writeNow(fd, rest) ?? 0);
  } finally {
    closeFd(fd);
  }
  renameAt(AT_FDCWD, draft, AT_FDCWD, path);
}

/** Removes a file; false when it is not there: of several who try, one alone removes it. Throws `SysError`. */
export function removeFile(path: string): boolean {
  try {
    unlinkAt(AT_FDCWD, path);
    return true;
  } catch (error) {
    if (!(error instanceof SysError) || !hasErrno(error, "ENOENT")) throw error;
    return false;
  }
}
