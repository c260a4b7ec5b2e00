/**
 * The log of a detached process: the container appends to it itself, no byte passes through anybody. It is bounded
 * by giving the oldest blocks back to the filesystem, so that offsets stay what they were and nobody has to reopen.
 */
import { closeSync, openSync, readSync, statSync } from "node:fs";
import { asSysError, hasErrno } from "../../sys/errno.ts";
import { punchHead, seekData } from "../../sys/holes.ts";

/** Above the first, the log is cut to the second. */
const LOG_BYTES_MAX = 64 << 20;
const LOG_BYTES_KEPT = 32 << 20;
const BLOCK_BYTES = 4096;
const STAT_BLOCK_BYTES = 512;
const CHUNK_BYTES = 65536;
const NEWLINE = 10;

/** Cuts off what is too old. */
export function boundLog(path: string): void {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined || stat.blocks * STAT_BLOCK_BYTES <= LOG_BYTES_MAX) return;
  const fd = openSync(path, "r+");
  try {
    punchHead(fd, Math.floor((stat.size - LOG_BYTES_KEPT) / BLOCK_BYTES) * BLOCK_BYTES);
  } catch (error) {
    if (!hasErrno(error, "EOPNOTSUPP")) throw error;
  } finally {
    closeSync(fd);
  }
}

export interface LogReader extends Disposable {
  /** Of the next byte; skips what was cut off. */
  readonly offset: number;
  /** Undefined when there is no more at the moment. */
  read(): Uint8Array | undefined;
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
      const dataAt = seekData(fd, at);
      if (dataAt === undefined) return undefined;
      const isCut = dataAt > at;
      at = dataAt;
      const bytes = chunk.slice(0, readSync(fd, chunk, 0, chunk.length, at));
      at += bytes.length;
      return isCut ? bytes.subarray(bytes.indexOf(NEWLINE) + 1) : bytes.length === 0 ? undefined : bytes;
    },
    [Symbol.dispose]: () => closeSync(fd),
  };
}
