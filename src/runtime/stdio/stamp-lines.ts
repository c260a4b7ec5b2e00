import { formatNs } from "../../sys/clock.ts";
import type { LogTimes } from "./read-times.ts";

const NEWLINE = 10;

/** Puts before each line when its first byte was there. For the pieces of a log in their order; `offset` is a piece's. */
export function createStamper(times: LogTimes): (piece: Uint8Array, offset: number) => Uint8Array {
  let isAtLineStart = true;
  let end = 0;
  let stamp: Uint8Array = new Uint8Array();
  let stampEnd = 0;

  const stampAt = (offset: number): Uint8Array => {
    if (offset >= stampEnd) {
      const known = times.at(offset);
      stamp = Buffer.from(`${formatNs(known.timeNs)} `);
      stampEnd = known.offset;
    }
    return stamp;
  };
  return (piece, offset) => {
    // The log was emptied: what is known of it is of another one.
    if (offset < end) stampEnd = 0;
    end = offset + piece.length;
    const stamped: Uint8Array[] = [];
    for (let at = 0; at < piece.length; ) {
      if (isAtLineStart) stamped.push(stampAt(offset + at));
      const newline = piece.indexOf(NEWLINE, at);
      const lineEnd = newline < 0 ? piece.length : newline + 1;
      stamped.push(piece.subarray(at, lineEnd));
      isAtLineStart = newline >= 0;
      at = lineEnd;
    }
    return Buffer.concat(stamped);
  };
}
