/**
 * Paths below a root that is not ours to trust (an image's, a container's), resolved as if that root were `/`: no
 * `..`, absolute or symbolic link, magic link of /proc leads out of it, not even when somebody exchanges directories
 * for links meanwhile. The result is a descriptor, which stays what it is; a path would have to be resolved again.
 *
 * Relies on openat2 with RESOLVE_IN_ROOT (Linux 5.6); `walk-below.ts` does the same step by step where it is missing.
 */
import { readSync } from "node:fs";
import { CtrError } from "../core/errors.ts";
import { asSysError, SysError } from "../sys/errno.ts";
import { type Name, nameText } from "../sys/libc.ts";
import {
  AT_FDCWD,
  closeFd,
  hasOpenAt2,
  O_DIRECTORY,
  O_PATH,
  O_RDONLY,
  openAt,
  openAt2,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
} from "../sys/open.ts";
import { isRegularFile, statFd } from "../sys/stat.ts";
import { openByWalking } from "./walk-below.ts";

const CHUNK_BYTES = 64 << 10;

/** The directory `path` as a root to resolve below; links in `path` itself are followed. The caller closes it. */
export function openRoot(path: string): number {
  return openAt(AT_FDCWD, path, O_PATH | O_DIRECTORY);
}

/**
 * Opens what `path` means below the root; `flags` as of open(2), with O_NOFOLLOW the last component itself, never
 * O_CREAT. Throws `SysError` as open(2) does. The caller closes it.
 */
export function openBelow(rootFd: number, path: Name, flags: number): number {
  if (!hasOpenAt2()) return openByWalking(rootFd, path, flags);
  const below = path.length === 0 ? "." : path;
  return openAt2(rootFd, below, flags, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}

export interface ReadLimit {
  /** More is refused as ResourceExhausted; an image's author chooses the size. */
  sizeBytesMax: number;
}

/**
 * The content of the regular file `path` below the root, links followed within it. What is no regular file is never
 * opened, only looked at, so that a FIFO cannot hang us nor a device act: FailedPrecondition.
 */
export function readFileBelow(rootFd: number, path: Name, { sizeBytesMax }: ReadLimit): Uint8Array {
  const handle = openBelow(rootFd, path, O_PATH);
  try {
    if (!isRegularFile(statFd(handle))) {
      throw new CtrError("FailedPrecondition", `${nameText(path)} is not a regular file`);
    }
    const fd = openAt(AT_FDCWD, `/proc/self/fd/${handle}`, O_RDONLY);
    try {
      return readWhole(fd, sizeBytesMax, nameText(path));
    } finally {
      closeFd(fd);
    }
  } finally {
    closeFd(handle);
  }
}

/** Counts what it reads: the size is a claim, which changes under us and is 0 for every file of /proc. */
function readWhole(fd: number, sizeBytesMax: number, subject: string): Uint8Array {
  const { sizeBytes } = statFd(fd);
  const chunks: Uint8Array[] = [];
  let totalBytes = 0;
  for (let wantedBytes = Math.min(sizeBytes, sizeBytesMax) + 1; ; wantedBytes = CHUNK_BYTES) {
    const chunk = Buffer.allocUnsafe(wantedBytes);
    const readBytes = readChunk(fd, chunk, subject);
    if (readBytes === 0) return Buffer.concat(chunks, totalBytes);
    totalBytes += readBytes;
    if (totalBytes > sizeBytesMax)
      throw new SysError("EFBIG", `read, limited to ${sizeBytesMax} bytes,`, subject);
    chunks.push(chunk.subarray(0, readBytes));
  }
}

function readChunk(fd: number, chunk: Uint8Array, subject: string): number {
  try {
    return readSync(fd, chunk);
  } catch (error) {
    throw asSysError(error, subject);
  }
}
