import { appendFileSync, closeSync, openSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { hasCode } from "../../src/core/errors.ts";
import { lastLinesOffset, openLog } from "../../src/runtime/stdio/log-file.ts";
import { boundLog } from "../../src/runtime/supervisor/bound-log.ts";
import { tempDir } from "../support/temp.ts";

function readAll(path: string, offset?: number): string {
  using log = openLog(path, offset);
  let text = "";
  for (let bytes = log.read(); bytes !== undefined; bytes = log.read()) text += Buffer.from(bytes).toString();
  return text;
}

function bound(path: string, ...sizes: [number, number]): number | undefined {
  const fd = openSync(path, "r+");
  try {
    return boundLog(fd, ...sizes);
  } finally {
    closeSync(fd);
  }
}

const line = (number: number) => `line ${String(number).padStart(6, "0")} of a log\n`;
const lines = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => line(from + index)).join("");

test("a log above its bound gives its oldest blocks back; reading begins with a whole line", () => {
  using dir = tempDir();
  const path = dir.join("log");
  writeFileSync(path, lines(0, 40_000));
  const before = statSync(path);
  bound(path, 1 << 19, 1 << 18);
  assert.is(statSync(path).size, before.size);
  assert.ok(statSync(path).blocks * 512 <= (1 << 18) + 8192);

  const text = readAll(path);
  const first = Number(text.slice(5, 11));
  assert.ok(first > 20_000);
  assert.is(text, lines(first, 40_000));
  appendFileSync(path, lines(40_000, 40_010));
  assert.is(readAll(path), lines(first, 40_010));
});

test("a log within its bound is left alone, and read from any offset", () => {
  using dir = tempDir();
  const path = dir.join("log");
  writeFileSync(path, lines(0, 100));
  bound(path, 1 << 20, 1 << 18);
  assert.is(readAll(path), lines(0, 100));
  assert.is(readAll(path, line(0).length * 40), lines(40, 100));
});

test("a reader goes on where it was when more is written", () => {
  using dir = tempDir();
  const path = dir.join("log");
  writeFileSync(path, "");
  using log = openLog(path);
  assert.is(log.read(), undefined);
  appendFileSync(path, "one\n");
  assert.is(Buffer.from(log.read()!).toString(), "one\n");
  assert.is(log.read(), undefined);
  appendFileSync(path, "two\n");
  assert.is(Buffer.from(log.read()!).toString(), "two\n");
});

test("a reader begins anew with a log that was emptied", () => {
  using dir = tempDir();
  const path = dir.join("log");
  writeFileSync(path, "one\ntwo\n");
  using log = openLog(path);
  assert.is(Buffer.from(log.read()!).toString(), "one\ntwo\n");
  truncateSync(path);
  assert.is(log.read(), undefined);
  appendFileSync(path, "new\n");
  assert.is(Buffer.from(log.read()!).toString(), "new\n");
});

test("the last lines are found, also across pieces, without an end, of a log that was cut, and when there are fewer", () => {
  using dir = tempDir();
  const path = dir.join("log");
  const tail = (count: number) => readAll(path, lastLinesOffset(path, count));
  for (const [text, count, expected] of [
    ["", 3, ""],
    ["one\n", 3, "one\n"],
    ["one\ntwo\nthree\n", 2, "two\nthree\n"],
    ["one\ntwo\nthr", 2, "two\nthr"],
    ["one\n\n\n", 2, "\n\n"],
    ["one\ntwo\n", 0, ""],
    [`a\n${"b".repeat(200_000)}\nc\n`, 2, `${"b".repeat(200_000)}\nc\n`],
    [lines(0, 20_000), 9_000, lines(11_000, 20_000)],
  ] as const) {
    writeFileSync(path, text);
    assert.is(tail(count), expected, JSON.stringify([text.slice(0, 20), count]));
  }
  bound(path, 1 << 18, 1 << 17);
  assert.is(tail(10), lines(19_990, 20_000));
  assert.is(tail(1_000_000), readAll(path));
});

test("a log that is not there is NotFound", () => {
  using dir = tempDir();
  try {
    openLog(dir.join("none"));
    assert.unreachable();
  } catch (error) {
    assert.ok(hasCode(error, "NotFound"));
  }
});

test.run();
