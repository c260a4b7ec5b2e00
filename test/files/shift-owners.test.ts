import { chmodSync, chownSync, linkSync, lstatSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { shiftOwners } from "../../src/files/shift-owners.ts";
import { getXattr, setXattr } from "../../src/sys/xattr.ts";
import { tempDir } from "../support/temp.ts";

const shift = { uid: (id: number) => id + 100_000, gid: (id: number) => id + 200_000 };
const CAPABILITY = "security.capability";

test("every file gets its other owner once, links and their targets each their own, and modes stay", () => {
  using dir = tempDir();
  const root = dir.join("root");
  mkdirSync(`${root}/deep/er`, { recursive: true });
  writeFileSync(`${root}/plain`, "");
  chownSync(`${root}/plain`, 5, 6);
  linkSync(`${root}/plain`, `${root}/deep/same`);
  linkSync(`${root}/plain`, `${root}/deep/er/same`);
  writeFileSync(`${root}/setuid`, "");
  chmodSync(`${root}/setuid`, 0o6711);
  chmodSync(`${root}/deep`, 0o1777);
  writeFileSync(dir.join("outside"), "");
  symlinkSync(dir.join("outside"), `${root}/out`);
  symlinkSync("..", `${root}/deep/up`);
  shiftOwners(root, shift);
  const owner = (path: string) => [lstatSync(path).uid, lstatSync(path).gid];
  for (const path of ["", "/deep", "/deep/er", "/setuid", "/out", "/deep/up"]) {
    assert.equal(owner(`${root}${path}`), [100_000, 200_000], path);
  }
  for (const path of ["/plain", "/deep/same", "/deep/er/same"]) {
    assert.equal(owner(`${root}${path}`), [100_005, 200_006], path);
  }
  assert.equal(owner(dir.join("outside")), [0, 0]);
  assert.is(lstatSync(`${root}/setuid`).mode & 0o7777, 0o6711);
  assert.is(lstatSync(`${root}/deep`).mode & 0o7777, 0o1777);
  assert.is(lstatSync(`${root}/plain`).nlink, 3);
});

test("capabilities of a file count in the namespace whose root it is shifted to", () => {
  using dir = tempDir();
  writeFileSync(dir.join("root", "capable"), "");
  setXattr(
    dir.join("root/capable"),
    CAPABILITY,
    Buffer.from("0100000200200000000000000000000000000000", "hex"),
  );
  shiftOwners(dir.join("root"), shift);
  const value = getXattr(dir.join("root/capable"), CAPABILITY)!;
  assert.is(Buffer.from(value).toString("hex"), "0100000300200000000000000000000000000000a0860100");
});

test.run();
