import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { hasCode } from "../../src/core/errors.ts";
import { duplicateFd } from "../../src/sys/descriptors.ts";
import { hasErrno } from "../../src/sys/errno.ts";
import { lockWithin, tryLock } from "../../src/sys/lock.ts";
import { AT_FDCWD, closeFd, O_RDWR, openAt } from "../../src/sys/open.ts";
import { tempDir } from "../support/temp.ts";
import { waitFor } from "../support/wait-for.ts";

const FIXTURES = join(import.meta.dirname, "../fixtures/sys");
const PROCESSES = 50;
const ROUNDS = 20;

/** `count` descriptors of the file, each opened for itself, and a function that closes them. */
function openFresh(path: string, count: number): { fds: number[]; [Symbol.dispose](): void } {
  writeFileSync(path, "");
  const fds = Array.from({ length: count }, () => openAt(AT_FDCWD, path, O_RDWR));
  return { fds, [Symbol.dispose]: () => fds.forEach(closeFd) };
}

test("many shared, or one exclusive", () => {
  using dir = tempDir();
  using opened = openFresh(dir.join("lock"), 3);
  const [a, b, c] = opened.fds as [number, number, number];
  assert.ok(tryLock(a, "shared"));
  assert.ok(tryLock(b, "shared"));
  assert.not(tryLock(c, "exclusive"));
  for (const fd of [a, b]) closeFd(fd);
  assert.ok(tryLock(c, "exclusive"));
  using others = openFresh(dir.join("lock"), 1);
  assert.not(tryLock(others.fds[0]!, "shared"));
  opened.fds.splice(0, 2);
});

test("a lock belongs to the open file: a copy of the descriptor holds it too", () => {
  using dir = tempDir();
  using opened = openFresh(dir.join("lock"), 2);
  const [a, b] = opened.fds as [number, number];
  const other = openAt(AT_FDCWD, dir.join("lock"), O_RDWR);
  assert.ok(tryLock(other, "exclusive"));
  const copy = duplicateFd(other);
  closeFd(other);
  assert.not(tryLock(a, "shared"));
  closeFd(copy);
  assert.ok(tryLock(b, "exclusive"));
});

test("waiting ends with Unavailable when the time is up, and other work goes on meanwhile", async () => {
  using dir = tempDir();
  using opened = openFresh(dir.join("lock"), 2);
  const [a, b] = opened.fds as [number, number];
  assert.ok(tryLock(a, "exclusive"));
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  const failure = await lockWithin(b, "shared", { timeoutMs: 60 }).catch((error: unknown) => error);
  clearInterval(timer);
  assert.ok(hasCode(failure, "Unavailable"));
  assert.ok(ticks > 0, "no timer ran meanwhile");
  const atOnce = await lockWithin(b, "shared", { timeoutMs: 0 }).catch((error: unknown) => error);
  assert.ok(hasCode(atOnce, "Unavailable"));
});

test("waiting ends with success when the other lets go, and with Canceled when told to stop", async () => {
  using dir = tempDir();
  using opened = openFresh(dir.join("lock"), 3);
  const [a, b, c] = opened.fds as [number, number, number];
  assert.ok(tryLock(a, "exclusive"));
  const waiting = lockWithin(b, "exclusive");
  const controller = new AbortController();
  const canceled = lockWithin(c, "exclusive", { signal: controller.signal }).catch((error: unknown) => error);
  controller.abort(new Error("no more"));
  assert.ok(hasCode(await canceled, "Canceled"));
  closeFd(a);
  opened.fds.shift();
  await waiting;
  assert.not(tryLock(c, "shared"));
});

test("the kernel gives back what a killed process held", async () => {
  using dir = tempDir();
  using opened = openFresh(dir.join("lock"), 1);
  const [fd] = opened.fds as [number];
  const holder = Bun.spawn([process.execPath, `${FIXTURES}/hold-lock.ts`, dir.join("lock"), "exclusive"]);
  try {
    await waitFor(() => !canLock(dir.join("lock")), { what: "the other process's lock" });
    assert.not(tryLock(fd, "shared"));
  } finally {
    holder.kill("SIGKILL");
    await holder.exited;
  }
  assert.ok(tryLock(fd, "exclusive"));
});

/** Without keeping it. */
function canLock(path: string): boolean {
  const fd = openAt(AT_FDCWD, path, O_RDWR);
  try {
    return tryLock(fd, "exclusive");
  } finally {
    closeFd(fd);
  }
}

test(`${PROCESSES} processes count to ${PROCESSES * ROUNDS} without losing one`, async () => {
  using dir = tempDir();
  writeFileSync(dir.join("lock"), "");
  writeFileSync(dir.join("count"), "0");
  const command = [process.execPath, `${FIXTURES}/count-under-lock.ts`, dir.join("lock"), dir.join("count")];
  const children = Array.from({ length: PROCESSES }, () => Bun.spawn([...command, String(ROUNDS)]));
  const codes = await Promise.all(children.map(({ exited }) => exited));
  assert.equal(new Set(codes), new Set([0]));
  assert.is(readFileSync(dir.join("count"), "utf8"), String(PROCESSES * ROUNDS));
});

test("what cannot be locked says why", () => {
  assert.throws(
    () => tryLock(9999, "shared"),
    (error: unknown) => hasErrno(error, "EBADF"),
  );
});

test.run();
