import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseMountInfoLine, readMountInfo } from "../../src/sys/mount-info.ts";

test("a line with every kind of field, escapes too", () => {
  const line =
    "36 35 98:0 /mnt1 /mnt\\040two\\134x\\012y rw,noatime master:1 shared:2 - ext3 /dev/root\\011a rw,errors=continue";
  assert.equal(parseMountInfoLine(line), {
    id: 36,
    parentId: 35,
    deviceMajor: 98,
    deviceMinor: 0,
    root: "/mnt1",
    mountPoint: "/mnt two\\x\ny",
    options: ["rw", "noatime"],
    propagation: ["master:1", "shared:2"],
    type: "ext3",
    source: "/dev/root\ta",
    superOptions: ["rw", "errors=continue"],
  });
});

test("no propagation at all, and a name that looks like the separator", () => {
  const line = "1 2 0:3 / - rw - - tmpfs - rw";
  const info = parseMountInfoLine("1 2 0:3 / /- rw - tmpfs none rw");
  assert.equal(info.propagation, []);
  assert.is(info.mountPoint, "/-");
  assert.is(info.type, "tmpfs");
  assert.is(parseMountInfoLine(line).mountPoint, "-");
});

test("this machine's mounts", () => {
  const mounts = readMountInfo();
  assert.ok(mounts.some(({ mountPoint }) => mountPoint === "/"));
  assert.is(mounts.findLast(({ mountPoint }) => mountPoint === "/proc")?.type, "proc");
});

test.run();
