import { test } from "uvu";
import * as assert from "uvu/assert";
import { hasCode } from "../../src/core/errors.ts";
import { cString, nameFromBytes, nameText } from "../../src/sys/libc.ts";

const refused = (error: unknown) => hasCode(error, "InvalidArgument");

test("a name with a NUL is refused, for C would cut it there", () => {
  assert.throws(() => cString("etc/passwd\0.txt"), refused);
  assert.throws(() => cString(Buffer.from("etc/passwd\0.txt")), refused);
});

test("a lone surrogate is refused, for it would become another name", () => {
  assert.throws(() => cString("a\uD800b"), refused);
  assert.is(cString("a😀b"), "a😀b");
});

test("bytes get the NUL that ends them", () => {
  assert.equal([...cString(new Uint8Array([0x61, 0xff]))], [0x61, 0xff, 0]);
});

test("bytes become a string only where it stands for exactly them", () => {
  assert.is(nameFromBytes(Buffer.from("naïve 文件")), "naïve 文件");
  assert.is(nameFromBytes(Buffer.from("a real \uFFFD")), "a real \uFFFD");
  const bytes = nameFromBytes(new Uint8Array([0x61, 0xff]));
  assert.instance(bytes, Uint8Array);
  assert.equal([...bytes], [0x61, 0xff]);
  assert.is(nameText(bytes), "a\uFFFD");
});

test.run();
