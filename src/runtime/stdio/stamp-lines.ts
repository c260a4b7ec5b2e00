import { formatNs } from "../../sys/clock.ts";
import type { LogTimes } from "./read-times.ts";

const NEWLINE = 10;
const NOTHING: Uint8Array = new Uint8Array();

export interface LineOptions {
  /** Puts before each line when it began. */
  timestamps: boolean;
  /** Leaves out lines that began before. */
  sinceNs?: bigint;
}

/** For the pieces of a log in their order, each with its offset: answers what is to be shown of it. */
export function createStamper(
  times: LogTimes,
  { timestamps, sinceNs = 0n }: LineOptions,
): (piece: Uint8Array, offset: number) => Uint8Array {
  let isAtLineStart = true;
  let isLineShown = true;
  let end = 0;
  let stamp = NOTHING;
  let stampEnd = 0;

  /** Looks up when a line began that begins at `offset`. */
  const beginLine = (offset: number) => {
    if (offset < stampEnd) return;
    const known = times.at(offset);
    stampEnd = known.offset;
    isLineShown = known.timeNs >= sinceNs;
    stamp = timestamps && isLineShown ? Buffer.from(`${formatNs(known.timeNs)} `) : NOTHING;
  };
  return (piece, offset) => {
    // The log was emptied: what is known of it is of another one.
    if (offset < end) stampEnd = 0;
    end = offset + piece.length;
    const shown: Uint8Array[] = [];
    for (let at = 0; at < piece.length; ) {
      if (isAtLineStart) {
        beginLine(offset + at);
        shown.push(stamp);
      }
      const newline = piece.indexOf(NEWLINE, at);
      const lineEnd = newline < 0 ? piece.length : newline + 1;
      if (isLineShown) shown.push(piece.subarray(at, lineEnd));
      isAtLineStart = newline >= 0;
      at = lineEnd;
    }
    return Buffer.concat(shown);
  };
}
