import { symlinkSync, writeFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Errno, hasErrno } from "../../src/sys/errno.ts";
import { AT_FDCWD, closeFd, O_RDONLY, openAt } from "../../src/sys/open.ts";
import { getXattr, getXattrFd, listXattrs, listXattrsFd, setXattr, setXattrFd } from "../../src/sys/xattr.ts";
import { tempDir } from "../support/temp.ts";

const fails = (errno: Errno) => (error: unknown) => hasErrno(error, errno);
/** cap_net_raw=ep in revision 2 of struct vfs_cap_data. */
const CAPABILITY = new Uint8Array([1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);

test("a binary value comes back byte for byte, an empty one empty", () => {
  using dir = tempDir();
  const file = dir.join("file");
  writeFileSync(file, "");
  setXattr(file, "security.capability", CAPABILITY);
  setXattr(file, "user.empty", new Uint8Array());
  setXattr(file, "user.big", new Uint8Array(3000).fill(0xff));
  assert.equal(getXattr(file, "security.capability"), CAPABILITY);
  assert.equal(getXattr(file, "user.empty"), new Uint8Array());
  assert.is(getXattr(file, "user.big")?.length, 3000);
  assert.equal(listXattrs(file).sort(), ["security.capability", "user.big", "user.empty"]);
});

test("what is not there is undefined; setting replaces", () => {
  using dir = tempDir();
  const file = dir.join("file");
  writeFileSync(file, "");
  assert.is(getXattr(file, "user.none"), undefined);
  assert.equal(listXattrs(file), []);
  setXattr(file, "user.a", Buffer.from("1"));
  setXattr(file, "user.a", Buffer.from("2"));
  assert.equal(getXattr(file, "user.a"), new Uint8Array([0x32]));
  assert.throws(() => getXattr(dir.join("none"), "user.a"), fails("ENOENT"));
});

test("by descriptor as by path", () => {
  using dir = tempDir();
  const file = dir.join("file");
  writeFileSync(file, "");
  const fd = openAt(AT_FDCWD, file, O_RDONLY);
  setXattrFd(fd, "trusted.x", new Uint8Array([0, 1, 0]));
  assert.equal(getXattrFd(fd, "trusted.x"), new Uint8Array([0, 1, 0]));
  assert.equal(listXattrsFd(fd), ["trusted.x"]);
  assert.is(getXattrFd(fd, "trusted.y"), undefined);
  closeFd(fd);
});

test("a link has its own, and the file it points to is left alone", () => {
  using dir = tempDir();
  writeFileSync(dir.join("file"), "");
  symlinkSync("file", dir.join("link"));
  setXattr(dir.join("link"), "trusted.x", new Uint8Array([1]));
  assert.equal(listXattrs(dir.join("link")), ["trusted.x"]);
  assert.equal(listXattrs(dir.join("file")), []);
  assert.throws(() => setXattr(dir.join("link"), "user.x", new Uint8Array([1])), fails("EPERM"));
});

test("a filesystem without attributes has none, and says so only when one is set", () => {
  assert.equal(listXattrs("/proc/self/status"), []);
  assert.throws(() => setXattr("/proc/self/status", "user.x", new Uint8Array([1])), isRefusal);
});

function isRefusal(error: unknown): boolean {
  return hasErrno(error, "EOPNOTSUPP", "EPERM", "EACCES");
}

test.run();
