import {
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type CtrError, hasCode } from "../../src/core/errors.ts";
import { openLockFile } from "../../src/files/lock-file.ts";
import { hasErrno } from "../../src/sys/errno.ts";
import { run } from "../support/run-program.ts";
import { tempDir } from "../support/temp.ts";

const FIXTURES = join(import.meta.dirname, "../fixtures/files");

const failureOf = (promise: Promise<unknown>): Promise<CtrError> =>
  promise.then(
    () => Promise.reject(new Error("it did not fail")),
    (error: CtrError) => error,
  );

test("one at a time, given back when disposed of, and again", async () => {
  using dir = tempDir();
  const path = dir.join("lock");
  {
    using lock = await openLockFile(path);
    assert.is(lock.path, path);
    assert.is(statSync(path).mode & 0o777, 0o600);
    assert.ok(hasCode(await failureOf(openLockFile(path, { timeoutMs: 0 })), "Unavailable"));
    lock[Symbol.dispose]();
  }
  using again = await openLockFile(path, { timeoutMs: 0 });
  assert.ok(again.fd > 2);
});

test("shared by many, against one", async () => {
  using dir = tempDir();
  const path = dir.join("lock");
  using _first = await openLockFile(path, { mode: "shared" });
  using _second = await openLockFile(path, { mode: "shared" });
  assert.ok(hasCode(await failureOf(openLockFile(path, { timeoutMs: 0 })), "Unavailable"));
});

test("the message says who holds it, since when, and what it is", async () => {
  using dir = tempDir();
  const path = dir.join("lock");
  const holder = Bun.spawn([process.execPath, `${FIXTURES}/hold-lock-file.ts`, path], { stdout: "pipe" });
  try {
    await holder.stdout.getReader().read();
    const { message, hint } = await failureOf(openLockFile(path, { timeoutMs: 20, subject: 'ingest "x"' }));
    const moment = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z`;
    assert.match(
      message,
      new RegExp(`^ingest "x" is locked by process ${holder.pid} since ${moment}: unavailable$`),
    );
    assert.ok(hint);
  } finally {
    holder.kill("SIGKILL");
    await holder.exited;
  }
  using lock = await openLockFile(path, { timeoutMs: 0 });
  assert.match(readFileSync(lock.path, "utf8"), new RegExp(`^${process.pid} `));
});

test("what the file says is for messages only", async () => {
  using dir = tempDir();
  const path = dir.join("lock");
  for (const text of ["1 2020-01-01T00:00:00Z\n", "", "-1 x", "99999999 y", "\0\0\0\n", "x".repeat(10_000)]) {
    writeFileSync(path, text);
    using shared = await openLockFile(path, { mode: "shared", timeoutMs: 0 });
    const { message } = await failureOf(openLockFile(path, { timeoutMs: 0, subject: "it" }));
    const expected = text.startsWith("1 ") ? "process 1 since 2020-01-01T00:00:00Z" : "another process";
    assert.is(message, `it is locked by ${expected}: unavailable`);
    shared[Symbol.dispose]();
  }
});

test("who waits gets the lock of the file that is there, not of one that was removed or replaced", async () => {
  using dir = tempDir();
  const path = dir.join("lock");
  const changes = {
    removed: () => unlinkSync(path),
    replaced: () => {
      writeFileSync(`${path}.new`, "");
      renameSync(`${path}.new`, path);
    },
  };
  for (const change of Object.values(changes)) {
    const first = await openLockFile(path);
    const waiting = openLockFile(path);
    change();
    first[Symbol.dispose]();
    using second = await waiting;
    assert.ok(existsSync(path));
    assert.is(statSync(path).ino, statSync(`/proc/self/fd/${second.fd}`).ino);
    assert.ok(hasCode(await failureOf(openLockFile(path, { timeoutMs: 0 })), "Unavailable"));
  }
});

test("removed by its holder, once", async () => {
  using dir = tempDir();
  using lock = await openLockFile(dir.join("lock"));
  lock.remove();
  lock.remove();
  assert.equal(readdirSync(dir.path), []);
});

test("canceled while waiting", async () => {
  using dir = tempDir();
  using _held = await openLockFile(dir.join("lock"));
  const failure = await failureOf(openLockFile(dir.join("lock"), { signal: AbortSignal.timeout(20) }));
  assert.ok(hasCode(failure, "Canceled"));
});

test("no descriptor is left open by a failure", async () => {
  using dir = tempDir();
  using _held = await openLockFile(dir.join("lock"));
  const before = readdirSync("/proc/self/fd").length;
  for (let round = 0; round < 5; round++) await failureOf(openLockFile(dir.join("lock"), { timeoutMs: 0 }));
  assert.is(readdirSync("/proc/self/fd").length, before);
});

test("a link is not followed, a missing directory is told", async () => {
  using dir = tempDir();
  writeFileSync(dir.join("precious"), "precious");
  symlinkSync("precious", dir.join("lock"));
  assert.ok(hasErrno(await failureOf(openLockFile(dir.join("lock"))), "ELOOP"));
  assert.is(readFileSync(dir.join("precious"), "utf8"), "precious");
  assert.ok(hasErrno(await failureOf(openLockFile(`${dir.path}/none/lock`)), "ENOENT"));
});

test("processes that remove the lock file again and again are never two inside", async () => {
  using dir = tempDir();
  chmodSync(dir.path, 0o700);
  const command = [process.execPath, `${FIXTURES}/lock-and-remove.ts`, dir.join("lock"), "40"];
  const results = await Promise.all(Array.from({ length: 8 }, () => run(command)));
  for (const { code, stderr } of results) assert.is(code, 0, stderr);
});

test.run();
