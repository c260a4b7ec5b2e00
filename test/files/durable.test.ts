import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { hasCode } from "../../src/core/errors.ts";
import { makeDirectoryDurably, renameDurably, syncDirectory } from "../../src/files/durable.ts";
import { hasErrno } from "../../src/sys/errno.ts";
import { run } from "../support/run-program.ts";
import { tempDir } from "../support/temp.ts";

const modeOf = (path: string) => (statSync(path).mode & 0o7777).toString(8);

test("CVE-2024-25621: directories are 0700 under any umask, and nobody else gets through", async () => {
  using dir = tempDir();
  chmodSync(dir.path, 0o755);
  for (const umask of [0, 0o022, 0o077, 0o777]) {
    const before = process.umask(umask);
    try {
      makeDirectoryDurably(`${dir.path}/${umask}/state/ctr`, 0o700);
      makeDirectoryDurably(`${dir.path}/${umask}/open`, 0o755);
    } finally {
      process.umask(before);
    }
    for (const path of ["", "/state", "/state/ctr"]) assert.is(modeOf(`${dir.path}/${umask}${path}`), "700");
    assert.is(modeOf(`${dir.path}/${umask}/open`), "755");
  }
  writeFileSync(`${dir.path}/0/state/ctr/secret`, "");
  chmodSync(`${dir.path}/0/state/ctr/secret`, 0o666);
  const asNobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
  const { code } = await run([...asNobody, "cat", `${dir.path}/0/state/ctr/secret`]);
  assert.is.not(code, 0);
});

test("one that exists keeps its mode, and may be a link", () => {
  using dir = tempDir();
  mkdirSync(dir.join("there"));
  chmodSync(dir.join("there"), 0o751);
  symlinkSync("there", dir.join("link"));
  makeDirectoryDurably(dir.join("there"), 0o700);
  assert.is(modeOf(dir.join("there")), "751");
  makeDirectoryDurably(`${dir.path}/link/new`, 0o700);
  assert.ok(existsSync(dir.join("there/new")));
});

test("a file in the way is told", () => {
  using dir = tempDir();
  writeFileSync(dir.join("file"), "");
  symlinkSync("nowhere", dir.join("dangling"));
  for (const path of ["file", "file/below"]) {
    assert.throws(
      () => makeDirectoryDurably(`${dir.path}/${path}`, 0o700),
      (error: unknown) => hasErrno(error, "ENOTDIR"),
      path,
    );
  }
  assert.throws(
    () => makeDirectoryDurably(dir.join("dangling"), 0o700),
    (error: unknown) => hasErrno(error, "EEXIST"),
  );
});

test("many make the same directory at once", async () => {
  using dir = tempDir();
  const source = JSON.stringify(`${import.meta.dirname}/../../src/files/durable.ts`);
  const program = `(await import(${source})).makeDirectoryDurably(${JSON.stringify(`${dir.path}/a/b/c/d`)}, 0o700)`;
  const results = await Promise.all(Array.from({ length: 8 }, () => run([process.execPath, "-e", program])));
  for (const { code, stderr } of results) assert.is(code, 0, stderr);
  assert.is(modeOf(`${dir.path}/a/b/c/d`), "700");
});

test("a rename replaces, also into another directory", () => {
  using dir = tempDir();
  mkdirSync(dir.join("one"));
  mkdirSync(dir.join("two"));
  writeFileSync(dir.join("one/a"), "new");
  writeFileSync(dir.join("two/b"), "old");
  renameDurably(dir.join("one/a"), dir.join("two/b"));
  assert.is(readFileSync(dir.join("two/b"), "utf8"), "new");
  assert.equal(readdirSync(dir.join("one")), []);
  assert.throws(
    () => renameDurably(dir.join("one/a"), dir.join("two/c")),
    (error: unknown) => hasErrno(error, "ENOENT") && hasCode(error, "NotFound"),
  );
});

test("only a directory is synced as one", () => {
  using dir = tempDir();
  writeFileSync(dir.join("file"), "");
  syncDirectory(dir.path);
  assert.throws(
    () => syncDirectory(dir.join("file")),
    (error: unknown) => hasErrno(error, "ENOTDIR"),
  );
});

test.run();
