import { suite } from "uvu";
import * as assert from "uvu/assert";
import { parseTime } from "../../../src/cli/flags/time.ts";
import { BadValue } from "../../../src/cli/flags/values.ts";

const test = suite("times on the command line");

for (const [text, time] of [
  ["2026-01-02T03:04:05Z", "2026-01-02T03:04:05.000Z"],
  ["2026-01-02T03:04:05.678901234Z", "2026-01-02T03:04:05.678Z"],
  ["2026-01-02T03:04:05+02:00", "2026-01-02T01:04:05.000Z"],
  ["2026-01-02T03:04Z", "2026-01-02T03:04:00.000Z"],
  ["2026-01-02", "2026-01-02T00:00:00.000Z"],
  ["2026-01-02 03:04:05.6 +0000 UTC", "2026-01-02T03:04:05.600Z"],
  ["1767323045", "2026-01-02T03:04:05.000Z"],
  ["1767323045.5", "2026-01-02T03:04:05.500Z"],
] as const) {
  test(`${JSON.stringify(text)} is ${time}`, () => assert.is(parseTime(text).toISOString(), time));
}

for (const [text, agoMs] of [
  ["1h30m", 5_400_000],
  ["10ms", 10],
  ["0s", 0],
  ["0", 0],
  ["-5m", -300_000],
] as const) {
  test(`${text} is so long ago`, () => {
    const before = Date.now();
    const time = parseTime(text).getTime() + agoMs;
    assert.ok(time >= before && time <= Date.now(), `${time} is not between ${before} and now`);
  });
}

for (const text of [
  "",
  "yesterday",
  "2026-13-40",
  "2026-01-02T99:00:00Z",
  "03:04",
  "1 h",
  "Z",
  "9e9",
  "99999999999999999999",
  "999999999999h",
]) {
  test(`${JSON.stringify(text)} is refused`, () => {
    assert.throws(
      () => parseTime(text),
      (error: unknown) => error instanceof BadValue,
    );
  });
}

test.run();
