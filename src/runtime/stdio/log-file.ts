/** Reading the log of a detached process, whose head may have been cut off (see supervisor/bound-log.ts). */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { asSysError } from "../../sys/errno.ts";
import { seekData } from "../../sys/holes.ts";
import type { TimeRecord } from "./log-times.ts";

const CHUNK_BYTES = 65536;
const NEWLINE = 10;

export interface LogReader extends Disposable {
  /** Of the next byte; skips what was cut off. */
  readonly offset: number;
  /** Undefined when there is no more at the moment. Begins anew with a log that somebody has emptied. */
  read(): Uint8Array | undefined;
  /** Its end, and when it last changed. */
  now(): TimeRecord;
}

/** From `offset` on; where that was cut off, from the first whole line on. Throws NotFound. */
export function openLog(path: string, offset = 0): LogReader {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch (error) {
    throw asSysError(error, path);
  }
  let at = offset;
  const chunk = new Uint8Array(CHUNK_BYTES);
  return {
    get offset() {
      return at;
    },
    read() {
      if (fstatSync(fd).size < at) at = 0;
      const dataAt = seekData(fd, at);
      if (dataAt === undefined) return undefined;
      const isCut = dataAt > at;
      at = dataAt;
      const bytes = chunk.slice(0, readSync(fd, chunk, 0, chunk.length, at));
      at += bytes.length;
      return isCut ? bytes.subarray(bytes.indexOf(NEWLINE) + 1) : bytes.length === 0 ? undefined : bytes;
    },
    now() {
      const { size, mtimeNs } = fstatSync(fd, { bigint: true });
      return { offset: Number(size), timeNs: mtimeNs };
    },
    [Symbol.dispose]: () => closeSync(fd),
  };
}

/** Where the last `count` lines begin; the last one may not be ended yet. Throws NotFound. */
export function lastLinesOffset(path: string, count: number): number {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch (error) {
    throw asSysError(error, path);
  }
  try {
    return findLines(fd, fstatSync(fd).size, count);
  } finally {
    closeSync(fd);
  }
}

/** Backwards, piece by piece. */
function findLines(fd: number, sizeBytes: number, count: number): number {
  const chunk = new Uint8Array(CHUNK_BYTES);
  if (count === 0) return sizeBytes;
  let left = count;
  for (let end = sizeBytes; end > 0; end -= Math.min(end, CHUNK_BYTES)) {
    const start = Math.max(0, end - CHUNK_BYTES);
    const bytes = chunk.subarray(0, readSync(fd, chunk, 0, end - start, start));
    for (
      let at = bytes.lastIndexOf(NEWLINE);
      at >= 0;
      at = at === 0 ? -1 : bytes.lastIndexOf(NEWLINE, at - 1)
    ) {
      // What ends the log ends its last line.
      if (start + at + 1 === sizeBytes) continue;
      if (--left === 0) return start + at + 1;
    }
  }
  return 0;
}
