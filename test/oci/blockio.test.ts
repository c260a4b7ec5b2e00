import { execFileSync } from "node:child_process";
import { symlinkSync, writeFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { tempDir } from "../support/temp.ts";
import { build, rejection } from "./build.ts";

const blockIo = async (text: string, name = "slow") => {
  using dir = tempDir();
  writeFileSync(dir.join("blockio.yaml"), text);
  const spec = await build({ blockioClass: name, blockioConfigFile: dir.join("blockio.yaml") });
  return spec.linux?.resources?.blockIO;
};

test("a class becomes weights and rates, the later item winning", async () => {
  using dir = tempDir();
  for (const minor of ["0", "1"]) execFileSync("mknod", [dir.join(`disk${minor}`), "b", "7", minor]);
  symlinkSync("disk1", dir.join("by-id-SSD"));
  const text = `
Classes:
  slow:
    - Weight: 80
    - Devices: [${JSON.stringify(dir.join("disk[0-1]"))}, /dev/null]
      ThrottleReadBps: 50M
      ThrottleWriteIOPS: 5k
      Weight: 50
    - Devices: [${JSON.stringify(dir.join("by-id-*"))}]
      ThrottleReadBps: 1.5Gi
  other: []
`;
  assert.equal(await blockIo(text), {
    weight: 80,
    weightDevice: [
      { major: 7, minor: 0, weight: 50 },
      { major: 7, minor: 1, weight: 50 },
    ],
    throttleReadBpsDevice: [
      { major: 7, minor: 0, rate: 50_000_000 },
      { major: 7, minor: 1, rate: 1.5 * 2 ** 30 },
    ],
    throttleWriteIOPSDevice: [
      { major: 7, minor: 0, rate: 5000 },
      { major: 7, minor: 1, rate: 5000 },
    ],
  });
});

test("devices that are not there limit nothing", async () => {
  assert.equal(await blockIo("Classes: {slow: [{Devices: [/dev/none*], ThrottleReadBps: 1}]}"), {});
});

const BAD: readonly [text: string, why: RegExp][] = [
  ["Classes: {slow: [{Weight: 5}]}", /blockio-class error: Weight 5 is no quantity from 10 to 1000/],
  ["Classes: {slow: [{Weight: much}]}", /blockio-class error: Weight "much"/],
  ["Classes: {slow: [{ThrottleReadBps: 1M}]}", /Devices not listed/],
  ["Classes: {slow: [{Wait: 5}]}", /blockio-config-file error: .*unknown field "Wait"/],
  ["Classes: {slow: 7}", /blockio-config-file error: .*class slow is no list/],
  ["Classes: [", /blockio-config-file error/],
  ["Classes: {fast: []}", /blockio-class error: no OCI BlockIO parameters for class "slow"/],
  ["", /blockio-class error: no OCI BlockIO parameters for class "slow"/],
];

for (const [text, why] of BAD) {
  test(`${JSON.stringify(text)} is refused`, async () => {
    const error = await rejection(blockIo(text));
    assert.is(error.code, "InvalidArgument");
    assert.match(error.message, why);
  });
}

test("a file that is missing is named, a class without a file is unknown", async () => {
  const missing = await rejection(build({ blockioConfigFile: "/none" }));
  assert.is(missing.message, 'blockio-config-file error: open "/none": no such file or directory');
  const unknown = await rejection(build({ blockioClass: "constructor" }));
  assert.is(unknown.code, "InvalidArgument");
});

test.run();
