import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseExactJson } from "../../src/core/exact-json.ts";

const written = (text: string) => JSON.stringify(parseExactJson(text));

test("64-bit integers are written as they were read", () => {
  for (const text of [
    '{"a":18446744073709551615}',
    "[-9223372036854775808,9007199254740993]",
    "9007199254740992",
  ]) {
    assert.is(written(text), text);
  }
});

test("what a number holds exactly stays a number", () => {
  const text = '{"a":9007199254740991,"b":[1.5,-0.25,1e20],"long":"1234567890123456789"}';
  assert.equal(parseExactJson(text), JSON.parse(text));
});

test("everything else is as JSON.parse has it", () => {
  for (const text of ["null", '"1234567890123456"', "[[],{}]", '{"__proto__":12345678901234567}']) {
    assert.is(written(text), text);
  }
  assert.throws(
    () => parseExactJson("{"),
    (error: unknown) => error instanceof SyntaxError,
  );
  assert.throws(
    () => parseExactJson("[1234567890123456789"),
    (error: unknown) => error instanceof SyntaxError,
  );
});

test.run();
