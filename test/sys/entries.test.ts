import {
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { hasCode } from "../../src/core/errors.ts";
import {
  deviceNumber,
  linkAt,
  mkdirAt,
  mknodAt,
  readLinkAt,
  renameAt,
  rmdirAt,
  S_IFBLK,
  S_IFCHR,
  S_IFIFO,
  symlinkAt,
  unlinkAt,
} from "../../src/sys/entries.ts";
import { type Errno, hasErrno } from "../../src/sys/errno.ts";
import { AT_FDCWD, closeFd, O_DIRECTORY, O_PATH, openAt } from "../../src/sys/open.ts";
import { readDirectory } from "../../src/sys/read-directory.ts";
import { tempDir } from "../support/temp.ts";

const fails = (errno: Errno) => (error: unknown) => hasErrno(error, errno);

/** Runs `use` with a fresh directory and its descriptor. */
function inTempDir(use: (fd: number, dir: ReturnType<typeof tempDir>) => void): void {
  using dir = tempDir();
  const fd = openAt(AT_FDCWD, dir.path, O_PATH | O_DIRECTORY);
  try {
    use(fd, dir);
  } finally {
    closeFd(fd);
  }
}

test("directories are made and removed", () => {
  inTempDir((fd, dir) => {
    mkdirAt(fd, "d", 0o750);
    assert.is(statSync(dir.join("d")).mode & 0o7777, 0o750 & ~process.umask());
    assert.throws(() => mkdirAt(fd, "d", 0o750), fails("EEXIST"));
    writeFileSync(dir.join("d/f"), "");
    assert.throws(() => rmdirAt(fd, "d"), fails("ENOTEMPTY"));
    assert.throws(() => unlinkAt(fd, "d"), fails("EISDIR"));
    unlinkAt(fd, "d/f");
    rmdirAt(fd, "d");
    assert.throws(() => lstatSync(dir.join("d")), fails("ENOENT"));
  });
});

test("device nodes and FIFOs have the numbers they were given", () => {
  inTempDir((fd, dir) => {
    for (const [major, minor] of [
      [1, 3],
      [8, 255],
      [259, 256],
      [4095, 1048575],
      [0, 0],
    ] as const) {
      mknodAt(fd, `c${major}-${minor}`, S_IFCHR | 0o600, deviceNumber(major, minor));
      const shown = Bun.spawnSync([
        "stat",
        "-c",
        "%Hr %Lr",
        dir.join(`c${major}-${minor}`),
      ]).stdout.toString();
      assert.is(shown.trim(), `${major} ${minor}`);
    }
    mknodAt(fd, "b", S_IFBLK | 0o600, deviceNumber(7, 0));
    mknodAt(fd, "p", S_IFIFO | 0o600, 0);
    assert.ok(lstatSync(dir.join("b")).isBlockDevice());
    assert.ok(lstatSync(dir.join("p")).isFIFO());
  });
});

test("device numbers that would wrap are refused", () => {
  for (const [major, minor] of [
    [4096, 0],
    [0, 2 ** 20],
    [-1, 0],
    [0, 1.5],
    [Number.NaN, 0],
  ] as const) {
    assert.throws(
      () => deviceNumber(major, minor),
      (error: unknown) => hasCode(error, "InvalidArgument"),
    );
  }
});

test("links: symbolic ones keep their target's bytes, hard ones never follow", () => {
  inTempDir((fd, dir) => {
    writeFileSync(dir.join("file"), "x");
    symlinkAt("../any/where", fd, "dangling");
    assert.is(readLinkAt(fd, "dangling"), "../any/where");
    symlinkAt(new Uint8Array([0x61, 0xff]), fd, "bytes");
    assert.equal([...(readLinkAt(fd, "bytes") as Uint8Array)], [0x61, 0xff]);
    assert.throws(() => readLinkAt(fd, "file"), fails("EINVAL"));
    symlinkSync("file", dir.join("link"));
    linkAt(fd, "link", fd, "hard");
    assert.is(readlinkSync(dir.join("hard")), "file");
    linkAt(fd, "file", fd, "second");
    assert.is(lstatSync(dir.join("file")).nlink, 2);
  });
});

test("rename replaces what is there", () => {
  inTempDir((fd, dir) => {
    writeFileSync(dir.join("a"), "a");
    writeFileSync(dir.join("b"), "b");
    renameAt(fd, "a", fd, "b");
    assert.is(readFileSync(dir.join("b"), "utf8"), "a");
    assert.throws(() => renameAt(fd, "a", fd, "b"), fails("ENOENT"));
  });
});

test("names are read as they are, however many, and without the two dots", () => {
  inTempDir((fd, dir) => {
    mkdirSync(dir.join("d"));
    const names = Array.from({ length: 3000 }, (_, index) => `${index}-${"n".repeat(100)}`);
    for (const name of names) symlinkSync("x", dir.join("d", name));
    mkdirAt(fd, "d/...", 0o700);
    mknodAt(fd, "d/p", S_IFIFO | 0o600, 0);
    const directoryFd = openAt(fd, "d", O_DIRECTORY);
    const entries = readDirectory(directoryFd);
    closeFd(directoryFd);
    const byName = new Map(entries.map(({ name, type }) => [name, type]));
    assert.is(entries.length, names.length + 2);
    assert.ok(names.every((name) => byName.get(name) === "link"));
    assert.is(byName.get("..."), "directory");
    assert.is(byName.get("p"), "fifo");
  });
});

test("a name that is not UTF-8 comes back as its bytes, and goes again by them", () => {
  inTempDir((fd) => {
    const name = new Uint8Array([0xc3, 0x28, 0x20, 0xff]);
    mkdirAt(fd, name, 0o700);
    const directoryFd = openAt(fd, ".", O_DIRECTORY);
    const entries = readDirectory(directoryFd);
    closeFd(directoryFd);
    assert.equal(entries.length, 1);
    assert.equal([...(entries[0]!.name as Uint8Array)], [...name]);
    rmdirAt(fd, entries[0]!.name);
  });
});

test("names and targets that are not UTF-8 stay what they are while others are read", () => {
  inTempDir((fd, dir) => {
    const [name, target] = [new Uint8Array([0xff, 0xfe]), new Uint8Array([0x2f, 0xff])];
    mkdirAt(fd, "odd", 0o700);
    mkdirAt(fd, "plain", 0o700);
    writeFileSync(dir.join("plain", "file"), "");
    const [odd, plain] = [openAt(fd, "odd", O_DIRECTORY), openAt(fd, "plain", O_DIRECTORY)];
    symlinkAt(target, odd, name);
    symlinkAt("somewhere", plain, "link");
    const read = readDirectory(odd)[0]!.name;
    const targetRead = readLinkAt(odd, name);
    readDirectory(plain);
    readLinkAt(plain, "link");
    assert.equal(new Uint8Array(read as Uint8Array), name);
    assert.equal(new Uint8Array(targetRead as Uint8Array), target);
    closeFd(odd);
    closeFd(plain);
  });
});

test.run();
