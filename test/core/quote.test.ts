import { test } from "uvu";
import * as assert from "uvu/assert";
import { quote } from "../../src/core/quote.ts";

const cases: [text: string, quoted: string][] = [
  ["", '""'],
  ["plain é", '"plain é"'],
  ['a"b\\', '"a\\"b\\\\"'],
  ["a\r\n\u001b[31m", '"a\\r\\n\\u001b[31m"'],
  ["\u007f\u009b\u202e\u2028", '"\\u007f\\u009b\\u202e\\u2028"'],
  ["x".repeat(151), `"${"x".repeat(150)}…"`],
];
for (const [text, quoted] of cases) {
  test(`quotes ${quoted.slice(0, 30)}`, () => assert.is(quote(text), quoted));
}

test.run();
