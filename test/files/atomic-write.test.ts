import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { hasCode } from "../../src/core/errors.ts";
import { TEMPORARY_PREFIX, writeFileAtomically } from "../../src/files/atomic-write.ts";
import { hasErrno } from "../../src/sys/errno.ts";
import { memoryDir } from "../support/memory-dir.ts";
import { run } from "../support/run-program.ts";
import { tempDir } from "../support/temp.ts";
import { waitFor } from "../support/wait-for.ts";

const FIXTURE = join(import.meta.dirname, "../fixtures/files/write-again-and-again.ts");

test("a file is made and replaced, text or bytes, with nothing left beside it", () => {
  using dir = tempDir();
  const file = dir.join("file");
  writeFileAtomically(file, "first");
  assert.is(readFileSync(file, "utf8"), "first");
  writeFileAtomically(file, new Uint8Array([0, 255, 0]));
  assert.equal([...readFileSync(file)], [0, 255, 0]);
  writeFileAtomically(file, "");
  assert.is(readFileSync(file).length, 0);
  assert.equal(readdirSync(dir.path), ["file"]);
});

test("its permissions are those asked for, whatever the umask and the old file's", () => {
  using dir = tempDir();
  const file = dir.join("file");
  const before = process.umask(0);
  try {
    writeFileAtomically(file, "x");
    assert.is(statSync(file).mode & 0o7777, 0o600);
    process.umask(0o777);
    writeFileAtomically(file, "x", 0o644);
    assert.is(statSync(file).mode & 0o7777, 0o644);
  } finally {
    process.umask(before);
  }
});

test("a link is replaced, and what it pointed to is left alone", () => {
  using dir = tempDir();
  writeFileSync(dir.join("target"), "old");
  symlinkSync("target", dir.join("link"));
  writeFileAtomically(dir.join("link"), "new");
  assert.ok(lstatSync(dir.join("link")).isFile());
  assert.is(readFileSync(dir.join("target"), "utf8"), "old");
});

test("readers that had the old file open keep it whole", () => {
  using dir = tempDir();
  const file = dir.join("file");
  writeFileAtomically(file, "old");
  const { ino } = statSync(file);
  writeFileAtomically(file, "new");
  assert.is.not(statSync(file).ino, ino);
});

test("a failure leaves the old content and no temporary file", () => {
  using dir = memoryDir(1 << 16);
  const file = dir.join("file");
  writeFileAtomically(file, "old");
  assert.throws(
    () => writeFileAtomically(file, "x".repeat(1 << 17)),
    (error: unknown) => hasErrno(error, "ENOSPC") && hasCode(error, "ResourceExhausted"),
  );
  assert.is(readFileSync(file, "utf8"), "old");
  mkdirSync(dir.join("directory"));
  assert.throws(
    () => writeFileAtomically(dir.join("directory"), "x"),
    (error: unknown) => hasErrno(error, "EISDIR"),
  );
  assert.throws(
    () => writeFileAtomically(`${dir.path}/none/file`, "x"),
    (error: unknown) => hasErrno(error, "ENOENT"),
  );
  assert.equal(readdirSync(dir.path).sort(), ["directory", "file"]);
});

test("bytes are synced before the rename, and the directory after it", async () => {
  using dir = tempDir();
  const file = dir.join("file");
  const trace = dir.join("trace");
  const filter = "trace=fsync,rename,renameat,renameat2";
  const { code } = await run([
    "strace",
    "-f",
    "-y",
    "-o",
    trace,
    "-e",
    filter,
    process.execPath,
    FIXTURE,
    file,
    "1",
  ]);
  assert.is(code, 0);
  const calls = readFileSync(trace, "utf8").split("\n");
  assert.match(calls[0] ?? "", new RegExp(`fsync\\(\\d+<${dir.path}/${TEMPORARY_PREFIX}`));
  assert.match(calls[1] ?? "", /rename/);
  assert.match(calls[2] ?? "", new RegExp(`fsync\\(\\d+<${dir.path}>`));
});

test("killed at any moment, the file is whole", async () => {
  using dir = memoryDir();
  const file = dir.join("file");
  for (let round = 0; round < 10; round++) {
    const child = Bun.spawn([process.execPath, FIXTURE, file], { stdout: "pipe" });
    await child.stdout.getReader().read();
    const { ino } = statSync(file);
    await waitFor(() => statSync(file).ino !== ino);
    // Any moment: the writer is somewhere in its loop.
    for (let spin = 0; spin < round * 500; spin++) statSync(file);
    child.kill("SIGKILL");
    await child.exited;
    const [, length, body] = /^(\d+) (.*)$/.exec(readFileSync(file, "utf8")) ?? [];
    assert.is(Number(length), body?.length);
  }
  for (const name of readdirSync(dir.path))
    assert.ok(name === "file" || name.startsWith(TEMPORARY_PREFIX), name);
  assert.throws(() => readlinkSync(file));
});

test.run();
