import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Mount } from "../../src/core/mount.ts";
import { type Errno, hasErrno, SysError } from "../../src/sys/errno.ts";
import { isMountPoint, mountAll, mountAt, mountPointsBelow, unmountAll } from "../../src/sys/mount.ts";
import { readMountInfo } from "../../src/sys/mount-info.ts";
import { unmount } from "../../src/sys/unmount.ts";
import { memoryDir } from "../support/memory-dir.ts";
import { tempDir } from "../support/temp.ts";

const fails = (errno: Errno) => (error: unknown) => hasErrno(error, errno);
const tmpfs = (...options: string[]): Mount => ({ type: "tmpfs", source: "tmpfs", options });

function optionsOf(mountPoint: string): string[] {
  return readMountInfo().findLast((info) => info.mountPoint === mountPoint)?.options ?? [];
}

const mounts = suite("mount");

mounts("a tmpfs with flags, data and propagation", () => {
  using dir = memoryDir();
  mkdirSync(dir.join("m"));
  mountAt(tmpfs("nosuid", "noexec", "ro", "size=64k", "mode=711", "shared"), dir.join("m"));
  const info = readMountInfo().findLast(({ mountPoint }) => mountPoint === dir.join("m"))!;
  for (const option of ["ro", "nosuid", "noexec"]) assert.ok(info.options.includes(option), option);
  assert.ok(info.superOptions.includes("size=64k"));
  assert.match(info.propagation.join(), "shared:");
  assert.throws(() => writeFileSync(dir.join("m/x"), ""), fails("EROFS"));
});

mounts("a bind mount is read-only when it was asked to be, its source is not", () => {
  using dir = memoryDir();
  mkdirSync(dir.join("source"));
  mkdirSync(dir.join("m"));
  mountAt({ type: "bind", source: dir.join("source"), options: ["rbind", "ro"] }, dir.join("m"));
  assert.throws(() => writeFileSync(dir.join("m/x"), ""), fails("EROFS"));
  writeFileSync(dir.join("source/x"), "seen");
  assert.is(readFileSync(dir.join("m/x"), "utf8"), "seen");
});

mounts("a read-only bind of a nosuid, nodev mount keeps both", () => {
  using dir = memoryDir();
  mkdirSync(dir.join("source"));
  mkdirSync(dir.join("m"));
  mountAt(tmpfs("nosuid", "nodev"), dir.join("source"));
  mountAt({ type: "none", source: dir.join("source"), options: ["bind", "ro"] }, dir.join("m"));
  for (const option of ["ro", "nosuid", "nodev"])
    assert.ok(optionsOf(dir.join("m")).includes(option), option);
});

mounts("a bind mount takes nosuid and noexec without ro", () => {
  using dir = memoryDir();
  mkdirSync(dir.join("m"));
  mountAt({ type: "bind", source: dir.path, options: ["bind", "nosuid", "noexec"] }, dir.join("m"));
  for (const option of ["rw", "nosuid", "noexec"])
    assert.ok(optionsOf(dir.join("m")).includes(option), option);
});

mounts("a remount changes flags and data of what is there", () => {
  using dir = memoryDir();
  mkdirSync(dir.join("m"));
  mountAt(tmpfs("size=64k"), dir.join("m"));
  mountAt(tmpfs("remount", "ro", "size=128k"), dir.join("m"));
  const info = readMountInfo().findLast(({ mountPoint }) => mountPoint === dir.join("m"))!;
  assert.ok(info.superOptions.includes("size=128k"));
  assert.throws(() => writeFileSync(dir.join("m/x"), ""), fails("EROFS"));
  assert.is(mountPointsBelow(dir.join("m")).length, 1);
});

mounts("a remount without data", () => {
  using dir = memoryDir();
  mkdirSync(dir.join("m"));
  mountAt(tmpfs("size=64k"), dir.join("m"));
  mountAt(tmpfs("remount", "ro"), dir.join("m"));
  assert.throws(() => writeFileSync(dir.join("m/x"), ""), fails("EROFS"));
});

mounts("a failure names the mount point and leaves nothing mounted", () => {
  using dir = memoryDir();
  mkdirSync(dir.join("m"));
  assert.throws(
    () => mountAt({ type: "nosuchfs", source: "x", options: [] }, dir.join("m")),
    (error: unknown) => error instanceof SysError && error.errno === "ENODEV" && error.path === dir.join("m"),
  );
  assert.throws(() => mountAt(tmpfs("size=nonsense"), dir.join("m")), fails("EINVAL"));
  assert.throws(() => mountAt(tmpfs(), dir.join("none")), fails("ENOENT"));
  assert.not(isMountPoint(dir.join("m")));
});

mounts("all or none: what was mounted before a failure is taken away", () => {
  using dir = memoryDir();
  mkdirSync(dir.join("m"));
  const second: Mount = { type: "tmpfs", source: "tmpfs", options: ["size=nonsense"] };
  assert.throws(() => mountAll([tmpfs(), tmpfs(), second], dir.join("m")), fails("EINVAL"));
  assert.equal(mountPointsBelow(dir.join("m")), []);
});

mounts("a mount below the mount point", () => {
  using dir = memoryDir();
  mkdirSync(dir.join("source/inner"), { recursive: true });
  mkdirSync(dir.join("m"));
  const base: Mount = { type: "bind", source: dir.join("source"), options: ["bind"] };
  mountAll([base, { ...tmpfs("size=64k"), target: "inner" }], dir.join("m"));
  assert.equal(mountPointsBelow(dir.join("m")), [dir.join("m"), dir.join("m/inner")]);
  unmountAll(dir.join("m"));
  assert.equal(mountPointsBelow(dir.join("m")), []);
});

mounts("an overlay of two layers", () => {
  using dir = memoryDir();
  for (const name of ["low", "lower", "up", "work", "m"]) mkdirSync(dir.join(name));
  writeFileSync(dir.join("low/a"), "low");
  writeFileSync(dir.join("lower/a"), "lower");
  writeFileSync(dir.join("lower/b"), "lower");
  const options = [
    `lowerdir=${dir.join("low")}:${dir.join("lower")}`,
    `upperdir=${dir.join("up")}`,
    `workdir=${dir.join("work")}`,
  ];
  mountAt({ type: "overlay", source: "overlay", options }, dir.join("m"));
  writeFileSync(dir.join("m/c"), "up");
  assert.is(readFileSync(dir.join("m/a"), "utf8"), "low");
  assert.is(readFileSync(dir.join("m/b"), "utf8"), "lower");
  assert.equal(readdirSync(dir.join("up")), ["c"]);
});

mounts.run();

const unmounts = suite("unmount");

unmounts("the topmost of several, until there is none", () => {
  using dir = memoryDir();
  mkdirSync(dir.join("m"));
  mountAt(tmpfs(), dir.join("m"));
  mountAt(tmpfs(), dir.join("m"));
  unmount(dir.join("m"));
  assert.ok(isMountPoint(dir.join("m")));
  unmount(dir.join("m"));
  assert.throws(() => unmount(dir.join("m")), fails("EINVAL"));
});

unmounts("a busy mount is EBUSY, detached on demand, and by unmountAll", () => {
  using dir = memoryDir();
  mkdirSync(dir.join("m"));
  mountAt(tmpfs(), dir.join("m"));
  writeFileSync(dir.join("m/x"), "x");
  const fd = openSync(dir.join("m/x"), "r");
  assert.throws(() => unmount(dir.join("m")), fails("EBUSY"));
  unmountAll(dir.join("m"));
  assert.not(isMountPoint(dir.join("m")));
  assert.is(readFileSync(fd, "utf8"), "x");
  closeSync(fd);
});

unmounts("everything below, stacked and nested, with odd names, and nothing beside", () => {
  using dir = memoryDir();
  const odd = dir.join("m/with space\\and\nnewline");
  for (const place of [odd, dir.join("m2")]) {
    mkdirSync(place, { recursive: true });
    mountAt(tmpfs(), place);
  }
  mkdirSync(`${odd}/deep`);
  mountAt(tmpfs(), `${odd}/deep`);
  mountAt(tmpfs(), odd);
  mountAt(tmpfs(), dir.join("m"));
  unmountAll(dir.join("m"));
  assert.equal(mountPointsBelow(dir.path), [dir.path, dir.join("m2")]);
});

unmounts("through a link in the path, but not of a link", () => {
  using dir = memoryDir();
  mkdirSync(dir.join("real/m"), { recursive: true });
  symlinkSync("real", dir.join("alias"));
  symlinkSync("real/m", dir.join("link"));
  mountAt(tmpfs(), dir.join("real/m"));
  unmountAll(dir.join("link"));
  assert.ok(isMountPoint(dir.join("real/m")));
  assert.throws(() => unmount(dir.join("link")), fails("EINVAL"));
  unmountAll(`${dir.join("alias")}/m`);
  assert.not(isMountPoint(dir.join("real/m")));
});

unmounts("nothing mounted, or nothing there, is fine", () => {
  using dir = tempDir();
  unmountAll(dir.path);
  unmountAll(dir.join("none"));
  unmountAll(`${dir.path}/no/such/place`);
});

unmounts.run();
