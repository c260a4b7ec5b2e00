import { readClockNs, toNs } from "../../sys/clock.ts";
import { openPath } from "../../sys/descriptors.ts";
import { punchHead } from "../../sys/holes.ts";
import { closeFd, O_CREAT, O_RDWR } from "../../sys/open.ts";
import { setFileSize, writeAt } from "../../sys/random-access.ts";
import { type FileStat, statFd } from "../../sys/stat.ts";
import { RECORD_BYTES, timeRecords } from "../stdio/log-times.ts";
import { BLOCK_BYTES } from "./bound-log.ts";

/** Beyond the first, records take a quarter of what the log takes: one for 64 bytes of it. */
const FREE_BYTES = 1 << 20;
const LOG_SHARE = 1 / 4;
const NS_BELIEVED = 3_000_000_000n;

/** Records when a log grew; see stdio/log-times.ts. */
export interface TimesWriter {
  /** Of the log as it is now. */
  record(log: FileStat): void;
  /** The log was cut up to there. */
  cut(logBytes: number): void;
  close(): void;
}

/** Goes on where the last boot stopped, if the log does. */
export function openTimesWriter(path: string): TimesWriter {
  const fd = openPath(path, O_RDWR | O_CREAT, 0o600);
  const records = timeRecords(fd);
  let count = records.count();
  let lastOffset = count > 0 ? records.at(count - 1).offset : 0;

  const startOver = () => {
    setFileSize(fd, 0);
    count = 0;
    lastOffset = 0;
  };
  // Of what was written last, a power cut may leave zeros.
  if (lastOffset === 0) startOver();

  const append = (offset: number, timeNs: bigint) => {
    const record = new BigUint64Array([BigInt(offset), timeNs]);
    if (writeAt(fd, new Uint8Array(record.buffer), count * RECORD_BYTES) < RECORD_BYTES) return;
    count++;
    lastOffset = offset;
  };
  return {
    record({ sizeBytes, allocatedBytes, modified }) {
      // Another log, or one that somebody has emptied.
      if (sizeBytes < lastOffset) startOver();
      if (sizeBytes === lastOffset) return;
      if (statFd(fd).allocatedBytes > FREE_BYTES + allocatedBytes * LOG_SHARE) return;
      append(sizeBytes, believable(toNs(modified)));
    },
    cut(logBytes) {
      const bytes = records.firstBeyond(logBytes) * RECORD_BYTES;
      if (bytes >= BLOCK_BYTES) punchHead(fd, Math.floor(bytes / BLOCK_BYTES) * BLOCK_BYTES);
    },
    close: () => closeFd(fd),
  };
}

/** When the last byte was written, better than any clock read afterwards; but a container can set it, having the file open. */
function believable(modifiedNs: bigint): bigint {
  const nowNs = readClockNs();
  return modifiedNs > nowNs - NS_BELIEVED && modifiedNs < nowNs ? modifiedNs : nowNs;
}
