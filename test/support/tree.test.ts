import { spawnSync } from "node:child_process";
import { linkSync, lutimesSync, mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { setXattr } from "../../src/sys/xattr.ts";
import { digestOf } from "./image.ts";
import { tempDir } from "./temp.ts";
import { listTree } from "./tree.ts";

test("a tree is listed by path bytes, with everything that a layer carries", () => {
  using dir = tempDir();
  const at = (name: string) => join(dir.path, name);
  writeFileSync(at("a"), "hello", { mode: 0o4755 });
  linkSync(at("a"), at("z"));
  symlinkSync("a b", at("link"));
  mkdirSync(at("empty"), { mode: 0o700 });
  spawnSync("mknod", [at("node"), "c", "300", "70000"]);
  spawnSync("chown", ["-h", "1:2", at("link")]);
  setXattr(at("a"), "user.bytes", new Uint8Array([0, 255]));
  for (const name of ["a", "link", "empty", "node"]) lutimesSync(at(name), 1, 1);
  spawnSync("touch", ["-d", "2020-01-02T03:04:05.123456789Z", at("a")]);
  const hash = digestOf("hello").replace(":", "=");
  assert.equal(listTree(dir.path).slice(1), [
    `a file 4755 0:0 5 ${hash} mtime=1577934245123456789 user.bytes=0x00ff links=2 same-as=a`,
    "empty directory 0700 0:0 mtime=1000000000",
    "link symlink 0777 1:2 -> a\\x20b mtime=1000000000",
    "node character-device 0644 0:0 device=300:70000 mtime=1000000000",
    `z file 4755 0:0 5 ${hash} mtime=1577934245123456789 user.bytes=0x00ff links=2 same-as=a`,
  ]);
  assert.is(
    listTree(dir.path, { without: ["mtime", "owner", "xattrs"] })[1],
    `a file 4755 5 ${hash} links=2 same-as=a`,
  );
});

test("names that are no text are told apart", () => {
  using dir = tempDir();
  for (const byte of [0x80, 0x81]) writeFileSync(Buffer.from([...Buffer.from(`${dir.path}/`), byte]), "");
  const names = listTree(dir.path).map((line) => line.split(" ")[0]);
  assert.equal(names, [".", "\\x80", "\\x81"]);
});

test("a filesystem mounted inside is named, not entered", () => {
  using dir = tempDir();
  const inside = mkdtempSync(dir.join("m-"));
  assert.is(spawnSync("mount", ["-t", "tmpfs", "none", inside]).status, 0);
  writeFileSync(join(inside, "hidden"), "");
  assert.is(listTree(dir.path).length, 2);
});

test.run();
