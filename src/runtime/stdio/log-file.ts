/** Reading the log of a detached process, whose head may have been cut off (see supervisor/bound-log.ts). */
import { closeSync, openSync, readSync } from "node:fs";
import { asSysError } from "../../sys/errno.ts";
import { seekData } from "../../sys/holes.ts";

const CHUNK_BYTES = 65536;
const NEWLINE = 10;

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
