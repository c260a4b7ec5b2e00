import { closeSync, openSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type TimeRecord, timeRecords } from "../../src/runtime/stdio/log-times.ts";
import { createStamper, type LineOptions } from "../../src/runtime/stdio/stamp-lines.ts";
import { openTimesWriter } from "../../src/runtime/supervisor/record-times.ts";
import { readClockNs } from "../../src/sys/clock.ts";
import { punchHead } from "../../src/sys/holes.ts";
import { type FileStat, statFd } from "../../src/sys/stat.ts";
import { tempDir } from "../support/temp.ts";

const test = suite("times of a log");

const MEBIBYTE = 1 << 20;

function encode(records: TimeRecord[]): Buffer {
  return Buffer.from(
    new BigUint64Array(records.flatMap(({ offset, timeNs }) => [BigInt(offset), timeNs])).buffer,
  );
}

function readAll(path: string): TimeRecord[] {
  const fd = openSync(path, "r");
  try {
    const records = timeRecords(fd);
    return Array.from({ length: records.count() }, (_, index) => records.at(index));
  } finally {
    closeSync(fd);
  }
}

/** A log of that size that changed just now, or when it is said to have. */
function logOf(sizeBytes: number, modifiedNs = readClockNs(), allocatedBytes = sizeBytes): FileStat {
  const modified = {
    seconds: Number(modifiedNs / 1_000_000_000n),
    nanoseconds: Number(modifiedNs % 1_000_000_000n),
  };
  const fd = openSync("/dev/null", "r");
  try {
    return { ...statFd(fd), sizeBytes, allocatedBytes, modified };
  } finally {
    closeSync(fd);
  }
}

test("the record of a byte is found among any number, also when more come, blocks are given back, or the last is torn", () => {
  using dir = tempDir();
  const path = dir.join("times");
  const all = Array.from({ length: 3000 }, (_, index) => ({
    offset: (index + 1) * 10,
    timeNs: BigInt(index),
  }));
  writeFileSync(path, Buffer.concat([encode(all.slice(0, 1000)), encode(all).subarray(0, 7)]));
  const fd = openSync(path, "r+");
  try {
    const records = timeRecords(fd);
    assert.is(records.count(), 1000);
    for (const offset of [0, 9, 10, 4995, 9989, 9990, 9999]) {
      assert.is(records.firstBeyond(offset), Math.floor(offset / 10));
      assert.is(records.firstBeyond(offset, Math.floor(offset / 20)), Math.floor(offset / 10));
    }
    assert.is(records.firstBeyond(10_000), 1000);
    writeFileSync(path, encode(all));
    assert.is(records.firstBeyond(10_000, 1000), 1000);
    assert.equal(records.at(1000), all[1000]);
    punchHead(fd, 8192);
    const later = timeRecords(fd);
    assert.is(later.firstBeyond(0), 512);
    assert.is(later.firstBeyond(29_995), 2999);
  } finally {
    closeSync(fd);
  }
});

test("a log's growth is recorded with the time of its last change, unless that was set to another", () => {
  using dir = tempDir();
  const path = dir.join("times");
  const writer = openTimesWriter(path);
  const justNow = readClockNs() - 50_000_000n;
  writer.record(logOf(10, justNow));
  writer.record(logOf(10));
  const before = readClockNs();
  writer.record(logOf(20, before - 3_600_000_000_000n));
  writer.record(logOf(30, before + 3_600_000_000_000n));
  const after = readClockNs();
  writer.close();
  const [first, ...others] = readAll(path);
  assert.equal(first, { offset: 10, timeNs: justNow });
  assert.equal(
    others.map(({ offset }) => offset),
    [20, 30],
  );
  for (const { timeNs } of others) assert.ok(before <= timeNs && timeNs <= after);
});

test("records go on after a writer's end, over a torn one, and begin anew with another log or after a power cut", () => {
  using dir = tempDir();
  const path = dir.join("times");
  const offsets = (sizeBytes: number) => {
    const writer = openTimesWriter(path);
    writer.record(logOf(sizeBytes));
    writer.close();
    return readAll(path).map(({ offset }) => offset);
  };
  assert.equal(offsets(10), [10]);
  assert.equal(offsets(20), [10, 20]);
  truncateSync(path, 25);
  assert.equal(offsets(30), [10, 30]);
  assert.is(statSync(path).size, 32);
  assert.equal(offsets(5), [5]);
  assert.equal(offsets(0), []);
  assert.equal(offsets(7), [7]);
  writeFileSync(path, Buffer.concat([readFileSync(path), Buffer.alloc(16)]));
  assert.equal(offsets(9), [9]);
});

test("records take a mebibyte and a quarter of the log at most, and give back what the log has given back", () => {
  using dir = tempDir();
  const path = dir.join("times");
  const writer = openTimesWriter(path);
  const allocated = () => statSync(path).blocks * 512;
  const modifiedNs = readClockNs();
  const log = logOf(0, modifiedNs);
  const grow = (fromBytes: number, toBytes: number, stepBytes: number) => {
    for (let sizeBytes = fromBytes; sizeBytes <= toBytes; sizeBytes += stepBytes) {
      writer.record({ ...log, sizeBytes, allocatedBytes: sizeBytes });
    }
  };
  grow(1, 100_000, 1);
  assert.ok(allocated() <= MEBIBYTE + 100_000 / 4 + 8192, `${allocated()}`);
  assert.ok(readAll(path).length > 65_000);
  grow(100_000, 10 * MEBIBYTE, 100);
  assert.is(readAll(path).at(-1)!.offset + 100 > 10 * MEBIBYTE, true);

  const before = allocated();
  writer.cut(9 * MEBIBYTE);
  assert.ok(allocated() < before / 4, `${allocated()} of ${before}`);
  const fd = openSync(path, "r");
  const records = timeRecords(fd);
  const { offset } = records.at(records.firstBeyond(9 * MEBIBYTE));
  closeSync(fd);
  assert.ok(offset > 9 * MEBIBYTE && offset <= 9 * MEBIBYTE + 100);
  writer.close();
});

test("lines keep their bytes however the log comes in pieces, and have the time at which they began, by which they are chosen", () => {
  const log = Buffer.from("one\n\ntw\xff\nthree", "latin1");
  const times = [
    { offset: 2, timeNs: 1n },
    { offset: 7, timeNs: 1_700_000_000_123_456_789n },
    { offset: log.length, timeNs: 3n },
  ];
  const expected = [
    "1970-01-01T00:00:00.000000001Z one\n",
    "2023-11-14T22:13:20.123456789Z \n",
    "2023-11-14T22:13:20.123456789Z tw\xff\n",
    "1970-01-01T00:00:00.000000003Z three",
  ];
  const known = {
    at: (offset: number) => times.find((time) => time.offset > offset)!,
    areComplete: () => true,
    [Symbol.dispose]() {},
  };
  for (let pieceBytes = 1; pieceBytes <= log.length; pieceBytes++) {
    const show = (options: LineOptions) => {
      const stamp = createStamper(known, options);
      let shown = "";
      for (let at = 0; at < log.length; at += pieceBytes) {
        shown += Buffer.from(stamp(log.subarray(at, at + pieceBytes), at)).toString("latin1");
      }
      return shown;
    };
    const what = `pieces of ${pieceBytes}`;
    assert.is(show({ timestamps: true }), expected.join(""), what);
    assert.is(show({ timestamps: true, sinceNs: 2n }), `${expected[1]}${expected[2]}${expected[3]}`, what);
    assert.is(show({ timestamps: false, sinceNs: 4n }), "\ntw\xff\n", what);
    assert.is(show({ timestamps: false, sinceNs: 2_000_000_000_000_000_000n }), "", what);
  }
});

test.run();
