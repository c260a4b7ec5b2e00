import { chmodSync, lstatSync, mkdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  chmodAt,
  chmodFd,
  chownAt,
  chownFd,
  type FileTime,
  setTimesAt,
  setTimesFd,
} from "../../src/sys/attributes.ts";
import { hasErrno } from "../../src/sys/errno.ts";
import { AT_FDCWD, closeFd, O_RDONLY, openAt } from "../../src/sys/open.ts";
import { isDirectory, isLink, isRegularFile, isSameFile, statAt, statFd } from "../../src/sys/stat.ts";
import { memoryDir } from "../support/memory-dir.ts";
import { tempDir } from "../support/temp.ts";

function statByCoreutils(path: string, format: string): string {
  return Bun.spawnSync(["stat", "-c", format, path]).stdout.toString().trim();
}

test("owner and mode are set exactly, of a link its own", () => {
  using dir = tempDir();
  const file = dir.join("file");
  const link = dir.join("link");
  writeFileSync(file, "");
  symlinkSync("file", link);
  chownAt(AT_FDCWD, link, 4_000_000_000, 7);
  assert.is(lstatSync(link).uid, 4_000_000_000);
  assert.is(statSync(file).uid, 0);
  const fd = openAt(AT_FDCWD, file, O_RDONLY);
  chownFd(fd, 12, 34);
  chmodFd(fd, 0o6751);
  closeFd(fd);
  assert.is(statByCoreutils(file, "%u:%g %a"), "12:34 6751");
  chmodAt(AT_FDCWD, file, 0o1640);
  assert.is(statByCoreutils(file, "%a"), "1640");
  assert.throws(
    () => chmodAt(AT_FDCWD, link, 0o600),
    (error: unknown) => hasErrno(error, "EOPNOTSUPP"),
  );
});

test("times survive to the nanosecond, before 1970 and after 2038, and are read back", () => {
  // tmpfs stores 64 bits; the filesystem below /tmp may clamp.
  using dir = memoryDir();
  const file = `${dir.path}/file`;
  writeFileSync(file, "");
  const moments: FileTime[] = [
    { seconds: 0, nanoseconds: 0 },
    { seconds: 1, nanoseconds: 999_999_999 },
    { seconds: 2 ** 31, nanoseconds: 1 },
    { seconds: 2 ** 32 + 5, nanoseconds: 2 },
    { seconds: 2 ** 33, nanoseconds: 3 },
    { seconds: -1, nanoseconds: 999_999_999 },
    { seconds: -(2 ** 33) - 1, nanoseconds: 4 },
  ];
  for (const moment of moments) {
    setTimesAt(AT_FDCWD, file, { seconds: 1, nanoseconds: 1 }, moment);
    const { accessed, modified } = statAt(AT_FDCWD, file);
    assert.equal(modified, moment);
    assert.equal(accessed, { seconds: 1, nanoseconds: 1 });
    // coreutils counts the fraction towards zero for moments before 1970: compare where it is plain.
    if (moment.seconds >= 0) {
      const expected = `${moment.seconds}.${String(moment.nanoseconds).padStart(9, "0")}`;
      assert.is(statByCoreutils(file, "%.9Y"), expected);
    }
  }
});

test("a time that is not given stays", () => {
  using dir = tempDir();
  const link = dir.join("link");
  symlinkSync("nowhere", link);
  setTimesAt(AT_FDCWD, link, { seconds: 10, nanoseconds: 0 }, { seconds: 20, nanoseconds: 0 });
  setTimesAt(AT_FDCWD, link, undefined, { seconds: 30, nanoseconds: 0 });
  const { accessed, modified } = statAt(AT_FDCWD, link);
  assert.is(accessed.seconds, 10);
  assert.is(modified.seconds, 30);
  const fd = openAt(AT_FDCWD, dir.path, O_RDONLY);
  setTimesFd(fd, { seconds: 40, nanoseconds: 1 }, undefined);
  closeFd(fd);
  assert.equal(statAt(AT_FDCWD, dir.path).accessed, { seconds: 40, nanoseconds: 1 });
});

test("stat tells what Node's does, and the mount", () => {
  using dir = tempDir();
  const file = dir.join("file");
  writeFileSync(file, "x".repeat(5000));
  chmodSync(file, 0o4711);
  const fd = openAt(AT_FDCWD, file, O_RDONLY);
  const ours = statFd(fd);
  closeFd(fd);
  const nodes = lstatSync(file, { bigint: true });
  assert.is(BigInt(ours.mode), nodes.mode);
  assert.is(ours.inode, nodes.ino);
  assert.is(BigInt(ours.sizeBytes), nodes.size);
  assert.is(BigInt(ours.allocatedBytes), nodes.blocks * 512n);
  assert.is(
    BigInt(ours.modified.seconds) * 1_000_000_000n + BigInt(ours.modified.nanoseconds),
    nodes.mtimeNs,
  );
  assert.is(BigInt(ours.changed.seconds) * 1_000_000_000n + BigInt(ours.changed.nanoseconds), nodes.ctimeNs);
  assert.is(`${ours.deviceMajor}:${ours.deviceMinor}`, statByCoreutils(file, "%Hd:%Ld"));
  assert.ok(isRegularFile(ours) && !isDirectory(ours) && !isLink(ours));
  assert.ok(isSameFile(ours, statAt(AT_FDCWD, file)));
  assert.not(isSameFile(ours, statAt(AT_FDCWD, dir.path)));
  const null_ = statAt(AT_FDCWD, "/dev/null");
  assert.equal([null_.nodeMajor, null_.nodeMinor], [1, 3]);
});

test("of a link stat tells the link, below it the target", () => {
  using dir = tempDir();
  mkdirSync(dir.join("d"));
  symlinkSync("d", dir.join("link"));
  assert.ok(isLink(statAt(AT_FDCWD, dir.join("link"))));
  assert.ok(isDirectory(statAt(AT_FDCWD, `${dir.join("link")}/.`)));
});

test.run();
