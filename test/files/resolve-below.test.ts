import { mkdirSync, readdirSync, readFileSync, readlinkSync, symlinkSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { openBelow } from "../../src/files/resolve-below.ts";
import { openByWalking } from "../../src/files/walk-below.ts";
import { mkdirAt, symlinkAt } from "../../src/sys/entries.ts";
import { type Errno, hasErrno } from "../../src/sys/errno.ts";
import { closeFd, O_DIRECTORY, O_NOFOLLOW, O_PATH, O_RDONLY, O_WRONLY } from "../../src/sys/open.ts";
import { swappedRoot, untrustedRoot } from "../support/untrusted-root.ts";

const fails = (errno: Errno) => (error: unknown) => hasErrno(error, errno);

function readAndClose(fd: number): string {
  try {
    return readFileSync(fd, "utf8");
  } finally {
    closeFd(fd);
  }
}

const OPENERS = { "by openat2": openBelow, "by walking": openByWalking };

for (const [way, open] of Object.entries(OPENERS)) {
  const resolution = suite(`resolution ${way}`);

  resolution("nothing leads out of the root", () => {
    using root = untrustedRoot();
    const { dir, fd } = root;
    mkdirSync(dir.join("root/a/b"), { recursive: true });
    symlinkSync("/etc/passwd", dir.join("root/absolute"));
    symlinkSync("../../../../etc/passwd", dir.join("root/a/b/relative"));
    symlinkSync("/", dir.join("root/a/slash"));
    symlinkSync("a/slash/a/../../../..", dir.join("root/up"));
    symlinkSync("absolute", dir.join("root/twice"));
    const paths = [
      "etc/passwd",
      "/etc/passwd",
      "//etc/./passwd",
      "../etc/passwd",
      "a/../../etc/passwd",
      "absolute",
      "a/b/relative",
      "a/slash/etc/passwd",
      "up/etc/passwd",
      "twice",
      "a/slash/../../../absolute",
    ];
    for (const path of paths) {
      assert.is(readAndClose(open(fd, path, O_RDONLY)), "inside", path);
      assert.is(readAndClose(open(fd, Buffer.from(path), O_RDONLY)), "inside", path);
    }
  });

  resolution("the root itself, however it is called", () => {
    using root = untrustedRoot();
    for (const path of ["", ".", "/", "..", "/../..", "etc/.."]) {
      const fd = open(root.fd, path, O_PATH | O_DIRECTORY);
      assert.is(readlinkSync(`/proc/self/fd/${fd}`), root.dir.join("root"), path);
      closeFd(fd);
    }
  });

  resolution("failures are those of open(2)", () => {
    using root = untrustedRoot();
    const { dir, fd } = root;
    symlinkSync("loop", dir.join("root/loop"));
    symlinkSync("/outside", dir.join("root/dangling"));
    mkdirSync(dir.join("outside"));
    const cases: [string, number, Errno][] = [
      ["none", O_RDONLY, "ENOENT"],
      ["dangling", O_RDONLY, "ENOENT"],
      ["none/../etc/passwd", O_RDONLY, "ENOENT"],
      ["etc/passwd/x", O_RDONLY, "ENOTDIR"],
      ["etc/passwd/", O_RDONLY, "ENOTDIR"],
      ["etc/passwd/..", O_RDONLY, "ENOTDIR"],
      ["etc/passwd", O_PATH | O_DIRECTORY, "ENOTDIR"],
      ["loop", O_RDONLY, "ELOOP"],
      ["dangling", O_RDONLY | O_NOFOLLOW, "ELOOP"],
      ["etc", O_WRONLY, "EISDIR"],
    ];
    for (const [path, flags, errno] of cases) {
      assert.throws(() => closeFd(open(fd, path, flags)), fails(errno), `${path} ${errno}`);
    }
  });

  resolution("a link is opened itself when asked, but not with a slash behind it", () => {
    using root = untrustedRoot();
    const { dir, fd } = root;
    symlinkSync("etc", dir.join("root/link"));
    const link = open(fd, "link", O_PATH | O_NOFOLLOW);
    assert.is(readlinkSync(`/proc/self/fd/${link}`), dir.join("root/link"));
    closeFd(link);
    const directory = open(fd, "link/", O_PATH | O_NOFOLLOW);
    assert.is(readlinkSync(`/proc/self/fd/${directory}`), dir.join("root/etc"));
    closeFd(directory);
  });

  resolution("names are bytes", () => {
    using root = untrustedRoot();
    const bytes = new Uint8Array([0xff, 0xfe]);
    mkdirAt(root.fd, bytes, 0o755);
    symlinkAt(Buffer.concat([Buffer.from("/"), bytes, Buffer.from("/../etc/passwd")]), root.fd, "link");
    assert.is(readAndClose(open(root.fd, "link", O_RDONLY)), "inside");
  });

  resolution("forty links in a row are followed, more are not", () => {
    using root = untrustedRoot();
    const { dir, fd } = root;
    symlinkSync("etc/passwd", dir.join("root/1"));
    for (let link = 2; link <= 41; link++) symlinkSync(String(link - 1), dir.join("root", String(link)));
    assert.is(readAndClose(open(fd, "40", O_RDONLY)), "inside");
    assert.throws(() => open(fd, "41", O_RDONLY), fails("ELOOP"));
  });

  resolution("no descriptor is left open, whatever happens", () => {
    using root = untrustedRoot();
    symlinkSync("/etc/passwd", root.dir.join("root/etc/link"));
    const before = readdirSync("/proc/self/fd").length;
    for (const path of ["etc/link", "etc/passwd/x", "etc/none", "etc/../etc/link"]) {
      try {
        closeFd(open(root.fd, path, O_RDONLY));
      } catch {}
    }
    assert.is(readdirSync("/proc/self/fd").length, before);
  });

  resolution("while directories are exchanged for links, nothing outside is read", async () => {
    await using swapped = await swappedRoot();
    const read = swapped.race(() => readAndClose(open(swapped.fd, "swap/inner/precious", O_RDONLY)));
    assert.equal([...new Set(read)], ["bait"]);
  });

  resolution.run();
}
