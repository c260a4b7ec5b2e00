/**
 * Writing a file so that every reader, at any moment and after any crash, finds the old content or the new one. The
 * order is the guarantee: bytes into a temporary file beside it, fsync, rename, fsync of the directory.
 */
import { writeSync } from "node:fs";
import { dirname, join } from "node:path";
import { randomHex } from "../core/random.ts";
import { chmodFd } from "../sys/attributes.ts";
import { unlinkAt } from "../sys/entries.ts";
import { asSysError } from "../sys/errno.ts";
import { AT_FDCWD, closeFd, O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY, openAt } from "../sys/open.ts";
import { syncFd } from "../sys/storage.ts";
import { renameDurably } from "./durable.ts";

/** How the names of temporary files begin; what a killed writer left is recognised by it. */
export const TEMPORARY_PREFIX = ".tmp-";

/**
 * Replaces, or makes, the file `path`, durably. Its permissions are exactly `mode`, whatever the umask and the old
 * file's. A link at `path` is replaced, not followed. Throws `SysError` and leaves the old content.
 */
export function writeFileAtomically(path: string, data: string | Uint8Array, mode = 0o600): void {
  const temporary = join(dirname(path), `${TEMPORARY_PREFIX}${randomHex(9)}`);
  try {
    writeNewFile(temporary, typeof data === "string" ? Buffer.from(data) : data, mode);
    renameDurably(temporary, path);
  } catch (error) {
    removeQuietly(temporary);
    throw error;
  }
}

function writeNewFile(path: string, bytes: Uint8Array, mode: number): void {
  const fd = openAt(AT_FDCWD, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  try {
    writeAll(fd, bytes, path);
    chmodFd(fd, mode);
    syncFd(fd);
  } finally {
    closeFd(fd);
  }
}

function writeAll(fd: number, bytes: Uint8Array, path: string): void {
  try {
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
  } catch (error) {
    throw asSysError(error, path);
  }
}

/** The failure that led here is the one to report. */
function removeQuietly(path: string): void {
  try {
    unlinkAt(AT_FDCWD, path);
  } catch {}
}
