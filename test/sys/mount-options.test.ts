import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseMountOptions } from "../../src/sys/mount-options.ts";

const RDONLY = 1;
const NOSUID = 2;
const NODEV = 4;
const NOEXEC = 8;
const BIND = 4096;
const REC = 16384;

test("flags, propagation, maps of owners and the filesystem's own data are told apart", () => {
  const options = [
    "rbind",
    "ro",
    "nosuid",
    "rslave",
    "size=64k",
    "uidmap=0:1:2",
    "uidmap=3:4:5",
    "gidmap=6:7:8",
  ];
  assert.equal(parseMountOptions([...options, "mode=755"]), {
    flags: BIND | REC | RDONLY | NOSUID,
    propagations: [(1 << 19) | REC],
    data: ["size=64k", "mode=755"],
    uidMaps: ["0:1:2", "3:4:5"],
    gidMaps: ["6:7:8"],
  });
});

test("the later option wins", () => {
  assert.is(parseMountOptions(["ro", "rw"]).flags, 0);
  assert.is(parseMountOptions(["rw", "ro", "nodev", "dev", "noexec"]).flags, RDONLY | NOEXEC);
  assert.is(parseMountOptions(["nodev", "defaults"]).flags, NODEV);
});

test("each option that util-linux and containerd know as a flag never reaches the filesystem", () => {
  const names =
    `async atime bind defaults dev diratime dirsync exec mand noatime nodev nodiratime noexec nomand
    norelatime nostrictatime nosuid rbind relatime remount ro rw strictatime suid sync shared rshared slave rslave
    private rprivate unbindable runbindable`.split(/\s+/);
  assert.equal(parseMountOptions(names).data, []);
});

test("options for programs in user space are left out, unknown ones kept", () => {
  const { data } = parseMountOptions([
    "x-systemd.automount",
    "X-containerd.uidmap=0",
    "",
    "constructor",
    "xino=off",
  ]);
  assert.equal(data, ["constructor", "xino=off"]);
});

test.run();
