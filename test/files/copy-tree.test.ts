import { execFileSync } from "node:child_process";
import { linkSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { copyTree } from "../../src/files/copy-tree.ts";
import { freeSpace } from "../../src/sys/storage.ts";
import { diskDir } from "../support/disk-dir.ts";
import { changeAtRandom } from "../support/random-changes.ts";
import { tempDir } from "../support/temp.ts";
import { listTree } from "../support/tree.ts";

function emptyDirectory(path: string): string {
  mkdirSync(path);
  return path;
}

test("a copy cannot be told from the original, times of directories and links across them too", () => {
  using dir = tempDir();
  const from = emptyDirectory(dir.join("from"));
  changeAtRandom(from, 3, 500);
  mkdirSync(join(from, "x/y"), { recursive: true });
  writeFileSync(join(from, "x/y/one"), "linked");
  for (const name of ["aa", "x/two", "zz"]) linkSync(join(from, "x/y/one"), join(from, name));
  const server = createServer().listen(join(from, "socket"));
  try {
    const to = emptyDirectory(dir.join("to"));
    copyTree(from, to);
    assert.equal(listTree(to), listTree(from));
    assert.is(statSync(join(to, "aa")).nlink, 4);
  } finally {
    server.close();
  }
});

test("data around holes is copied, and holes take no space", () => {
  using dir = tempDir();
  const from = emptyDirectory(dir.join("from"));
  const script =
    "truncate -s 64M sparse; for at in 0 5000000 33554432 67108863; do printf x | dd of=sparse bs=1 seek=$at conv=notrunc status=none; done";
  execFileSync("sh", ["-c", script], { cwd: from });
  const to = emptyDirectory(dir.join("to"));
  copyTree(from, to);
  assert.equal(listTree(to), listTree(from));
  assert.ok(statSync(join(to, "sparse")).blocks * 512 < 1 << 20);
});

test("blocks are shared where the filesystem can", () => {
  using dir = diskDir("btrfs");
  const from = emptyDirectory(dir.join("from"));
  execFileSync("dd", [
    "if=/dev/urandom",
    `of=${join(from, "big")}`,
    "bs=1M",
    "count=64",
    "conv=fsync",
    "status=none",
  ]);
  const to = emptyDirectory(dir.join("to"));
  execFileSync("sync", ["-f", dir.path]);
  const before = freeSpace(dir.path).availableBytes;
  copyTree(from, to);
  execFileSync("sync", ["-f", dir.path]);
  assert.equal(listTree(to), listTree(from));
  assert.ok(before - freeSpace(dir.path).availableBytes < 16 << 20);
});

test.run();
