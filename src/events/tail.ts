import { closeSync, fstatSync, readSync } from "node:fs";
import { seekData } from "../sys/holes.ts";

const CHUNK_BYTES = 65536;
const NEWLINE = 10;

/** Lines of a file that others append to, and whose head may be given back to the filesystem at any moment. */
export interface Tail extends Disposable {
  /** Those that have been ended since the last call. */
  lines(): Iterable<string>;
  /** Whether the file has no name any more: nobody will append to it. */
  isRemoved(): boolean;
}

/** Owns `fd`. The first line may be the end of one; `onLoss` is called when lines were cut off that had not been read. */
export function openTail(fd: number, from: number, onLoss: () => void): Tail {
  const chunk = Buffer.alloc(CHUNK_BYTES);
  let at = from;
  /** The beginning of a line whose end is not there yet. */
  let begun: Buffer = Buffer.alloc(0);

  /** What was cut off reads as zeros, which no line holds; up to where the data begins again. */
  const skipHole = (bytes: Buffer): Buffer => {
    begun = Buffer.alloc(0);
    onLoss();
    const rest = bytes.subarray(bytes.lastIndexOf(0) + 1);
    at = rest.length > 0 ? at : (seekData(fd, at) ?? at);
    return rest;
  };

  return {
    *lines() {
      for (;;) {
        const count = readSync(fd, chunk, 0, chunk.length, at);
        if (count === 0) return;
        at += count;
        const read = chunk.subarray(0, count);
        const bytes = Buffer.concat([begun, read.includes(0) ? skipHole(read) : read]);
        const end = bytes.lastIndexOf(NEWLINE) + 1;
        begun = bytes.subarray(end);
        yield* bytes.toString("utf8", 0, end).split("\n");
      }
    },
    isRemoved: () => fstatSync(fd).nlink === 0,
    [Symbol.dispose]: () => closeSync(fd),
  };
}
