import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  BadValue,
  parseBoolean,
  parseDuration,
  parseFloat64,
  parseInteger,
  parseIntegerElement,
  parseSize,
} from "../../../src/cli/flags/values.ts";

type Case = readonly [text: string, value: number | boolean | undefined];

/** Undefined: refused. */
function table(name: string, parse: (text: string) => number | boolean, cases: readonly Case[]): void {
  for (const [text, value] of cases) {
    test(`${name} ${JSON.stringify(text)} ${value === undefined ? "is refused" : `is ${value}`}`, () => {
      if (value === undefined)
        assert.throws(
          () => parse(text),
          (error: unknown) => error instanceof BadValue,
        );
      else assert.is(parse(text), value);
    });
  }
}

table("boolean", parseBoolean, [
  ["1", true],
  ["t", true],
  ["TRUE", true],
  ["0", false],
  ["False", false],
  ["yes", undefined],
  ["tRUE", undefined],
  ["", undefined],
]);

table("integer", parseInteger, [
  ["0", 0],
  ["-1", -1],
  ["+7", 7],
  ["0x1F", 31],
  ["0b101", 5],
  ["0o17", 15],
  ["017", 15],
  ["1_000", 1000],
  ["9223372036854771712", 2 ** 63 - 4096],
  ["99999999999999999999", undefined],
  ["08", undefined],
  ["1.5", undefined],
  ["", undefined],
  ["x", undefined],
  ["1 ", undefined],
]);

table("list element", parseIntegerElement, [
  ["3", 3],
  ["0x3", undefined],
]);

table("float", parseFloat64, [
  ["1.5", 1.5],
  [".5", 0.5],
  ["2.", 2],
  ["1e3", 1000],
  ["-1", -1],
  ["1,5", undefined],
  ["", undefined],
]);

table("duration", parseDuration, [
  ["0", 0],
  ["300ms", 300],
  ["1.5h", 5_400_000],
  ["2h45m", 9_900_000],
  ["-1s", -1000],
  ["1us", 0.001],
  ["1µs", 0.001],
  ["10", undefined],
  ["s", undefined],
  ["1d", undefined],
  ["", undefined],
]);

table("size", parseSize, [
  ["1048576", 1048576],
  ["64k", 65536],
  ["64KiB", 65536],
  ["1.5M", 1572864],
  ["1MB", 1_000_000],
  ["1g", 1024 ** 3],
  ["0x10", 16],
  ["-1", undefined],
  ["m", undefined],
  ["1x", undefined],
]);

test("an element of an integer list is refused in Go's words", () => {
  try {
    parseIntegerElement("x");
    assert.unreachable();
  } catch (error) {
    assert.is((error as BadValue).reason, 'strconv.Atoi: parsing "x": invalid syntax');
  }
});

test.run();
