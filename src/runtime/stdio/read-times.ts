import { closeSync } from "node:fs";
import { readClockNs } from "../../sys/clock.ts";
import { tryOpen } from "../bundle-lock.ts";
import type { LogReader } from "./log-file.ts";
import { type TimeRecord, timeRecords } from "./log-times.ts";

export interface LogTimes extends Disposable {
  /** When the byte at `offset` was there, and up to where that is so. What is not recorded yet, the log's file tells. */
  at(offset: number): TimeRecord;
  /** Whether all that the log holds now is recorded. */
  areComplete(): boolean;
}

const NOTHING: TimeRecord = { offset: 0, timeNs: 0n };

/** Of `log`; undefined where none are recorded. Throws `SysError`. */
export function openTimes(path: string, log: LogReader): LogTimes | undefined {
  const fd = tryOpen(path);
  if (fd === undefined) return undefined;
  let records = timeRecords(fd);
  let index = 0;
  let askedAt = 0;
  let unrecorded = NOTHING;
  /** Of a log that was emptied, the records are still the old ones until its supervisor looks. */
  let areDoubtful = true;

  const lastRecord = () => (records.count() > 0 ? records.at(records.count() - 1) : NOTHING);
  const startOver = () => {
    records = timeRecords(fd);
    index = 0;
    areDoubtful = lastRecord().offset > log.now().offset;
  };
  const recordOf = (offset: number): TimeRecord | undefined => {
    if (areDoubtful) startOver();
    if (areDoubtful) return undefined;
    index = records.firstBeyond(offset, index);
    return index < records.count() ? records.at(index) : undefined;
  };
  return {
    at(offset) {
      if (offset < askedAt) {
        areDoubtful = true;
        unrecorded = NOTHING;
      }
      askedAt = offset;
      const record = recordOf(offset);
      if (record !== undefined) return record;
      if (offset >= unrecorded.offset) unrecorded = within(log.now(), lastRecord().timeNs, readClockNs());
      return unrecorded;
    },
    areComplete: () => lastRecord().offset === log.now().offset,
    [Symbol.dispose]: () => closeSync(fd),
  };
}

/** A container can set the time of its log's file. */
function within({ offset, timeNs }: TimeRecord, earliest: bigint, latest: bigint): TimeRecord {
  if (timeNs < earliest) return { offset, timeNs: earliest };
  return { offset, timeNs: timeNs > latest ? latest : timeNs };
}
