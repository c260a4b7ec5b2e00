import { closeSync, openSync, readFileSync, statfsSync, writeFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { hasErrno } from "../../src/sys/errno.ts";
import { mountAt } from "../../src/sys/mount.ts";
import {
  copyFileRange,
  freeSpace,
  reflink,
  spreadDirectories,
  syncFd,
  syncFilesystem,
} from "../../src/sys/storage.ts";
import { ext4Dir, ext4Flags } from "../support/ext4.ts";
import { memoryDir } from "../support/memory-dir.ts";
import { tempDir } from "../support/temp.ts";

test("syncing a file, its directory and its filesystem", () => {
  using dir = tempDir();
  writeFileSync(dir.join("file"), "x");
  for (const path of [dir.join("file"), dir.path]) {
    const fd = openSync(path, "r");
    syncFd(fd);
    syncFilesystem(fd);
    closeSync(fd);
    assert.throws(
      () => syncFilesystem(fd),
      (error: unknown) => hasErrno(error, "EBADF"),
    );
  }
});

test("what a filesystem has left is what df says", () => {
  using dir = tempDir();
  mountAt({ type: "tmpfs", source: "tmpfs", options: ["size=1m", "nr_inodes=100"] }, dir.path);
  const before = freeSpace(dir.path);
  assert.is(before.totalBytes, 1 << 20);
  writeFileSync(dir.join("file"), Buffer.alloc(1 << 19));
  const after = freeSpace(dir.path);
  assert.is(before.availableBytes - after.availableBytes, 1 << 19);
  assert.is(before.availableInodes - after.availableInodes, 1);
  assert.is(freeSpace("/").totalBytes, statfsSync("/").blocks * statfsSync("/").bsize);
});

test("bytes are copied within the kernel from position to position until the end", () => {
  using dir = tempDir();
  const content = Buffer.from(Array.from({ length: 300_000 }, (_, index) => index % 251));
  writeFileSync(dir.join("from"), content);
  const from = openSync(dir.join("from"), "r");
  const to = openSync(dir.join("to"), "w");
  let copiedBytes = 0;
  for (let count = -1; count !== 0; copiedBytes += count) count = copyFileRange(from, to, 100_000);
  closeSync(from);
  closeSync(to);
  assert.is(copiedBytes, content.length);
  assert.ok(readFileSync(dir.join("to")).equals(content));
});

test("a reflink shares the bytes where the filesystem can, and says where it cannot", () => {
  using dir = memoryDir(1 << 20);
  writeFileSync(dir.join("from"), "shared");
  const from = openSync(dir.join("from"), "r");
  const to = openSync(dir.join("to"), "w");
  assert.is(reflink(from, to), false);
  closeSync(from);
  assert.throws(
    () => reflink(from, to),
    (error: unknown) => hasErrno(error, "EBADF"),
  );
  closeSync(to);
});

test("ext4 is told to spread what is in a directory, and keeps what else it knew of it; others are left alone", () => {
  using disk = ext4Dir();
  using memory = memoryDir(1 << 20);
  const spread = (path: string) => {
    const fd = openSync(path, "r");
    spreadDirectories(fd);
    closeSync(fd);
    return fd;
  };
  const before = ext4Flags(disk.path);
  const fd = spread(disk.path);
  const after = ext4Flags(disk.path);
  assert.match(after, "T");
  assert.is(after.replace("T", "-"), before);
  spread(disk.path);
  assert.is(ext4Flags(disk.path), after);
  spread(memory.path);
  spread("/proc");
  assert.throws(
    () => spreadDirectories(fd),
    (error: unknown) => hasErrno(error, "EBADF"),
  );
});

test.run();
