import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  closeSync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  openSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { setXattr } from "../../src/sys/xattr.ts";
import { buildLayer } from "../support/image.ts";
import { type TempDir, tempDir } from "../support/temp.ts";
import { listTree } from "../support/tree.ts";
import { applyToDirectory } from "../support/unpack.ts";

/** What another program packed, unpacked by us, is what it was, in each format that GNU tar writes. */
const FORMATS: Record<string, { flags: string[]; without: ("mtime" | "xattrs")[]; isModern: boolean }> = {
  v7: { flags: ["--format=v7"], without: ["mtime", "xattrs"], isModern: false },
  ustar: { flags: ["--format=ustar"], without: ["mtime", "xattrs"], isModern: false },
  oldgnu: { flags: ["--format=oldgnu"], without: ["mtime", "xattrs"], isModern: true },
  gnu: { flags: ["--format=gnu"], without: ["mtime", "xattrs"], isModern: true },
  "gnu, sparse": { flags: ["--format=gnu", "--sparse"], without: ["mtime", "xattrs"], isModern: true },
  posix: { flags: ["--format=posix", "--xattrs", "--xattrs-include=*"], without: [], isModern: true },
  ...Object.fromEntries(
    ["0.0", "0.1", "1.0"].map((version) => [
      `posix, sparse ${version}`,
      {
        flags: [
          "--format=posix",
          "--xattrs",
          "--xattrs-include=*",
          "--sparse",
          `--sparse-version=${version}`,
        ],
        without: [],
        isModern: true,
      },
    ]),
  ),
};

function makeTree(root: string, isModern: boolean): void {
  mkdirSync(join(root, "directory/below"), { recursive: true });
  writeFileSync(join(root, "directory/file"), "content\n");
  writeFileSync(join(root, "empty"), "");
  writeFileSync(join(root, "exactly-a-block"), Buffer.alloc(512, "x"));
  writeFileSync(join(root, "large"), Buffer.alloc(1_000_003, "0123456789"));
  linkSync(join(root, "directory/file"), join(root, "hard"));
  symlinkSync("directory/file", join(root, "soft"));
  writeFileSync(Buffer.from(join(root, "latin-\xe9"), "latin1"), "name of bytes");
  chmodSync(join(root, "large"), 0o4750);
  chownSync(join(root, "empty"), 1234, 54_321);
  makeSparse(join(root, "holes"));
  if (!isModern) return;
  execFileSync("mkfifo", [join(root, "pipe")]);
  const long = "long".repeat(40);
  mkdirSync(join(root, long));
  writeFileSync(join(root, long, long), "long");
  linkSync(join(root, long, long), join(root, "hard-to-long"));
  symlinkSync(join(long, long), join(root, "soft-to-long"));
  chownSync(join(root, long), 3_000_000, 4_000_000);
  utimesSync(join(root, "empty"), -1.5, -12_345.25);
  utimesSync(join(root, "large"), 5e9, 5_000_000_000.75);
  setXattr(join(root, "large"), "user.binary", Buffer.from("\0=\n\xff", "latin1"));
}

/** Enough fragments that the old GNU format needs extension blocks. */
function makeSparse(path: string): void {
  const fd = openSync(path, "w");
  for (let at = 0; at < 60; at++) writeSync(fd, `part ${at}`, at * 65_536 + 8192);
  ftruncateSync(fd, 5_000_000);
  closeSync(fd);
}

function pack(dir: TempDir, source: string, flags: readonly string[]): Uint8Array {
  const archive = dir.join("archive.tar");
  execFileSync("tar", [...flags, "--numeric-owner", "-C", source, "-cf", archive, "."]);
  return execFileSync("cat", [archive], { maxBuffer: 1 << 30 });
}

for (const [name, { flags, without, isModern }] of Object.entries(FORMATS)) {
  test(`GNU tar, ${name}`, async () => {
    using dir = tempDir();
    const source = dir.join("source");
    mkdirSync(source);
    makeTree(source, isModern);
    const target = dir.join("target");
    await applyToDirectory(target, buildLayer(pack(dir, source, flags), { compression: "none" }));
    const [, ...expected] = listTree(source, { without });
    const [, ...found] = listTree(target, { without });
    // Times before 1970 are 1970, as in containerd.
    assert.equal(
      found,
      expected.map((line) => line.replace(/ mtime=-\d+/, " mtime=0")),
    );
  });
}

test.run();
