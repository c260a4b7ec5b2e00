import { test } from "uvu";
import * as assert from "uvu/assert";
import { formatAge, formatDuration } from "../../../src/cli/print/ages.ts";
import { formatJson } from "../../../src/cli/print/json.ts";
import { formatLabels } from "../../../src/cli/print/labels.ts";
import { formatBinarySize, formatDecimalSize } from "../../../src/cli/print/sizes.ts";

function table<T>(
  name: string,
  format: (input: T) => string,
  cases: readonly (readonly [T, string])[],
): void {
  for (const [input, expected] of cases) {
    test(`${name} ${String(input)} is ${expected}`, () => assert.is(format(input), expected));
  }
}

table("binary size", formatBinarySize, [
  [0, "0.0 B"],
  [416, "416.0 B"],
  [1023, "1023.0 B"],
  [1024, "1.0 KiB"],
  [1034650, "1010.4 KiB"],
  [1048576, "1.0 MiB"],
  [5 * 1024 ** 3, "5.0 GiB"],
]);

table("decimal size", formatDecimalSize, [
  [0, "0B"],
  [416, "416B"],
  [999, "999B"],
  [1000, "1kB"],
  [1088000, "1.088MB"],
  [1088449, "1.088MB"],
  [12_345_678, "12.35MB"],
  [999_960, "1000kB"],
]);

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

table("age", formatAge, [
  [999, "Less than a second"],
  [second, "1 second"],
  [59 * second, "59 seconds"],
  [minute, "About a minute"],
  [2 * minute, "2 minutes"],
  [hour, "About an hour"],
  [89 * minute, "About an hour"],
  [90 * minute, "2 hours"],
  [47 * hour, "47 hours"],
  [48 * hour, "2 days"],
  [13 * day, "13 days"],
  [14 * day, "2 weeks"],
  [59 * day, "8 weeks"],
  [60 * day, "2 months"],
  [729 * day, "24 months"],
  [730 * day, "2 years"],
]);

table("duration", formatDuration, [
  [0, "0s"],
  [0.0005, "500ns"],
  [0.0125, "12.5µs"],
  [230.906537, "230.906537ms"],
  [1500, "1.5s"],
  [62_500, "1m2.5s"],
  [2 * hour, "2h0m0s"],
  [-500, "-500ms"],
]);

test("labels are sorted, and none are a dash or what the listing wants", () => {
  assert.is(formatLabels({ b: "2", a: "1" }), "a=1,b=2");
  assert.is(formatLabels({}), "-");
  assert.is(formatLabels({}, ""), "");
});

test("JSON has four spaces and Go's escapes", () => {
  assert.is(formatJson({ a: ["<&>"] }), '{\n    "a": [\n        "\\u003c\\u0026\\u003e"\n    ]\n}\n');
});

test.run();
