import { mkdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Errno, hasErrno } from "../../src/sys/errno.ts";
import {
  AT_FDCWD,
  closeFd,
  hasOpenAt2,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_PATH,
  O_RDONLY,
  O_WRONLY,
  openAt,
  openAt2,
  RESOLVE_BENEATH,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_SYMLINKS,
} from "../../src/sys/open.ts";
import { tempDir } from "../support/temp.ts";

const fails = (errno: Errno) => (error: unknown) => hasErrno(error, errno);

function withFd<Result>(fd: number, use: (fd: number) => Result): Result {
  try {
    return use(fd);
  } finally {
    closeFd(fd);
  }
}

test("a file is opened relative to a directory's descriptor, also after that directory has been renamed", () => {
  using dir = tempDir();
  mkdirSync(dir.join("one"));
  writeFileSync(dir.join("one/file"), "content");
  const directoryFd = openAt(AT_FDCWD, dir.join("one"), O_PATH | O_DIRECTORY);
  symlinkSync("/", dir.join("two"));
  withFd(directoryFd, () => {
    const fd = openAt(directoryFd, "file", O_RDONLY);
    withFd(fd, () => assert.is(readFileSync(fd, "utf8"), "content"));
    assert.throws(() => openAt(directoryFd, "none", O_RDONLY), fails("ENOENT"));
  });
  assert.throws(() => openAt(directoryFd, "file", O_RDONLY), fails("EBADF"));
});

test("no descriptor is inherited by a child", () => {
  using dir = tempDir();
  const plain = openAt(AT_FDCWD, dir.join("a"), O_WRONLY | O_CREAT | O_EXCL, 0o600);
  const handle = openAt2(AT_FDCWD, dir.path, O_PATH, 0);
  const child = Bun.spawnSync(["ls", "-l", "/proc/self/fd"]);
  closeFd(plain);
  closeFd(handle);
  assert.not.match(child.stdout.toString(), dir.path);
});

test("openat2 keeps to its root", () => {
  using dir = tempDir();
  mkdirSync(dir.join("root/etc"), { recursive: true });
  writeFileSync(dir.join("root/etc/passwd"), "inside");
  symlinkSync("/etc/passwd", dir.join("root/absolute"));
  symlinkSync("../../../../etc/passwd", dir.join("root/relative"));
  const root = openAt(AT_FDCWD, dir.join("root"), O_PATH | O_DIRECTORY);
  withFd(root, () => {
    for (const path of ["absolute", "relative", "/etc/passwd", "../../etc/../etc/passwd"]) {
      const fd = openAt2(root, path, O_RDONLY, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
      withFd(fd, () => assert.is(readFileSync(fd, "utf8"), "inside", path));
    }
    assert.throws(() => openAt2(root, "absolute", O_RDONLY, RESOLVE_BENEATH), fails("EXDEV"));
    assert.throws(() => openAt2(root, "absolute", O_RDONLY, RESOLVE_NO_SYMLINKS), fails("ELOOP"));
    const link = openAt2(root, "absolute", O_PATH | O_NOFOLLOW, RESOLVE_IN_ROOT);
    withFd(link, () => assert.is(readlinkSync(`/proc/self/fd/${link}`), dir.join("root/absolute")));
  });
});

test("magic links are refused where that was asked", () => {
  assert.throws(
    () => openAt2(AT_FDCWD, "/proc/self/fd/0", O_RDONLY, RESOLVE_NO_MAGICLINKS),
    (error: unknown) => hasErrno(error, "ELOOP"),
  );
});

test("this kernel has openat2", () => {
  assert.ok(hasOpenAt2());
});

test("closing twice is found out", () => {
  const fd = openAt(AT_FDCWD, "/", O_PATH);
  closeFd(fd);
  assert.throws(() => closeFd(fd), fails("EBADF"));
});

test.run();
