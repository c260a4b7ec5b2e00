import { test } from "uvu";
import * as assert from "uvu/assert";
import { decodeRuncOptions, encodeRuncOptions, type RuncOptions } from "../../src/oci/runtime-options.ts";

const TYPE_URL = "containerd.runc.v1.Options";

const encode = (options: RuncOptions) =>
  Buffer.from(encodeRuncOptions(options).value ?? "", "base64").toString("hex");
const decode = (hex: string) =>
  decodeRuncOptions({ typeUrl: TYPE_URL, value: Buffer.from(hex, "hex").toString("base64") });

const KNOWN: readonly [string, RuncOptions][] = [
  ["", {}],
  ["0801", { noPivotRoot: true }],
  ["32046372756e", { binaryName: "crun" }],
  ["3a022f72", { root: "/r" }],
  ["4801", { systemdCgroup: true }],
  ["08013201613a01624801", { noPivotRoot: true, binaryName: "a", root: "b", systemdCgroup: true }],
];

for (const [hex, options] of KNOWN) {
  test(`${JSON.stringify(options)} is ${hex || "empty"}, both ways`, () => {
    assert.is(encode(options), hex);
    assert.equal(decode(hex), options);
  });
}

test("texts longer than 127 bytes, and not in ASCII, come back", () => {
  const options = { binaryName: "é".repeat(100), root: "/".repeat(20_000) };
  assert.equal(decode(encode(options)), options);
});

test("no options have no value, as the real one shows them", () => {
  assert.equal(encodeRuncOptions({ binaryName: "", systemdCgroup: false }), { typeUrl: TYPE_URL });
});

test("fields of a newer containerd are skipped, whatever their wire type", () => {
  assert.equal(decode("18ac02" + "2100000000000000aa" + "5201ff" + "6d01020304" + "3a0162"), { root: "b" });
});

test("what is no message is refused", () => {
  for (const hex of ["3a", "3a05aa", "3b", "ffffffffffffffffffffff01", "2101"]) {
    assert.throws(() => decode(hex), /value is no protobuf message: invalid argument/, hex);
  }
  assert.throws(() => decodeRuncOptions({ typeUrl: "runtimeoptions.v1.Options" }), /invalid argument/);
});

test.run();
