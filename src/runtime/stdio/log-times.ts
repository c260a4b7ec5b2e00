/**
 * When a task's log grew: records in a file beside it, each of two 64-bit numbers in the machine's own byte order, an
 * offset and a time in nanoseconds since 1970: the bytes of the log before the offset were there at that time. Offsets
 * ascend.
 *
 * The task's supervisor alone writes it. A record that was torn by a kill or a full disk is the last, and too short.
 * The oldest blocks are given back with those of the log, and read as zeros: before every offset.
 */
import { readAt } from "../../sys/random-access.ts";
import { statFd } from "../../sys/stat.ts";

export const RECORD_BYTES = 16;
const BLOCK_RECORDS = 256;

export interface TimeRecord {
  offset: number;
  timeNs: bigint;
}

export interface TimeRecords {
  /** Of those that are whole, now. */
  count(): number;
  /** One that is there. */
  at(index: number): TimeRecord;
  /** The index of the first record, `from` or one after it, that tells of the byte at `offset`; `count()` for none. */
  firstBeyond(offset: number, from?: number): number;
}

/** Of an open file, whose records stay as they are but for new ones. */
export function timeRecords(fd: number): TimeRecords {
  const block = new BigUint64Array((BLOCK_RECORDS * RECORD_BYTES) / 8);
  let blockStart = 0;
  let blockCount = 0;

  const slotOf = (index: number): number => {
    if (index < blockStart || index >= blockStart + blockCount) {
      blockStart = index - (index % BLOCK_RECORDS);
      const bytes = readAt(fd, new Uint8Array(block.buffer), blockStart * RECORD_BYTES);
      blockCount = Math.floor(bytes / RECORD_BYTES);
    }
    return (index - blockStart) * 2;
  };
  const offsetOf = (index: number) => Number(block[slotOf(index)]);

  const records: TimeRecords = {
    count: () => Math.floor(statFd(fd).sizeBytes / RECORD_BYTES),
    at(index) {
      const slot = slotOf(index);
      return { offset: Number(block[slot]), timeNs: block[slot + 1]! };
    },
    firstBeyond(offset, from = 0) {
      let [low, high] = [from, records.count()];
      // Whoever reads on mostly finds it here.
      if (low < high && offsetOf(low) > offset) return low;
      while (low < high) {
        const middle = Math.floor((low + high) / 2);
        if (offsetOf(middle) > offset) high = middle;
        else low = middle + 1;
      }
      return low;
    },
  };
  return records;
}
