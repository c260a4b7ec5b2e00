import { lstatSync, readlinkSync, writeFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  duplicateFd,
  isNonblocking,
  makeFifo,
  openPath,
  openPipe,
  readNow,
  replaceFd,
  setInheritable,
  setNonblocking,
  setPipeCapacity,
  spliceNow,
  writeNow,
} from "../../src/sys/descriptors.ts";
import { type Errno, hasErrno } from "../../src/sys/errno.ts";
import { closeFd, O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY } from "../../src/sys/open.ts";
import { tempDir } from "../support/temp.ts";

const fails = (errno: Errno) => (error: unknown) => hasErrno(error, errno);
const targetOf = (fd: number) => readlinkSync(`/proc/self/fd/${fd}`);

test("a FIFO opens for reading at once, for writing only when someone reads", () => {
  using dir = tempDir();
  const fifo = dir.join("fifo");
  makeFifo(fifo, 0o600);
  assert.ok(lstatSync(fifo).isFIFO());
  assert.throws(() => makeFifo(fifo, 0o600), fails("EEXIST"));
  assert.throws(() => openPath(fifo, O_WRONLY | O_NONBLOCK), fails("ENXIO"));
  const reader = openPath(fifo, O_RDONLY | O_NONBLOCK);
  const writer = openPath(fifo, O_WRONLY | O_NONBLOCK);
  const buffer = new Uint8Array(10);
  assert.is(readNow(reader, buffer), undefined);
  assert.is(writeNow(writer, Buffer.from("abc")), 3);
  assert.is(readNow(reader, buffer), 3);
  closeFd(writer);
  assert.is(readNow(reader, buffer), 0);
  closeFd(reader);
});

test("a pipe takes what fits and says when it is full, or that nobody reads", () => {
  const { readFd, writeFd } = openPipe(O_NONBLOCK);
  const capacityBytes = setPipeCapacity(writeFd, 1 << 20);
  assert.ok(capacityBytes >= 1 << 20);
  const chunk = new Uint8Array(capacityBytes - 1);
  assert.is(writeNow(writeFd, chunk), chunk.length);
  assert.is(writeNow(writeFd, new Uint8Array(1 << 17)), undefined);
  closeFd(readFd);
  assert.throws(() => writeNow(writeFd, chunk), fails("EPIPE"));
  closeFd(writeFd);
});

test("O_NONBLOCK is set for all who share the open file, and taken back", () => {
  const { readFd, writeFd } = openPipe();
  const copy = duplicateFd(readFd);
  assert.not(isNonblocking(readFd));
  setNonblocking(copy, true);
  assert.ok(isNonblocking(readFd));
  assert.not(isNonblocking(writeFd));
  setNonblocking(readFd, false);
  assert.not(isNonblocking(copy));
  for (const fd of [readFd, writeFd, copy]) closeFd(fd);
});

test("a descriptor is replaced in place", () => {
  using dir = tempDir();
  writeFileSync(dir.join("a"), "");
  const fd = openPath(dir.join("a"), O_RDWR);
  const other = openPath("/dev/null", O_RDONLY);
  replaceFd(fd, other);
  assert.is(targetOf(other), dir.join("a"));
  replaceFd(other, other);
  assert.is(targetOf(other), dir.join("a"));
  closeFd(fd);
  closeFd(other);
});

test("children inherit what was made inheritable, and only that", () => {
  using dir = tempDir();
  writeFileSync(dir.join("shown"), "");
  writeFileSync(dir.join("hidden"), "");
  const shown = openPath(dir.join("shown"), O_RDONLY);
  const hidden = openPath(dir.join("hidden"), O_RDONLY);
  const flagsOf = (fd: number) =>
    Bun.spawnSync(["cat", `/proc/${process.pid}/fdinfo/${fd}`]).stdout.toString();
  setInheritable(shown, true);
  assert.not.match(flagsOf(shown), /^flags:\s+0?2\d{6}$/m);
  assert.match(flagsOf(hidden), /^flags:\s+0?2\d{6}$/m);
  setInheritable(shown, false);
  assert.match(flagsOf(shown), /^flags:\s+0?2\d{6}$/m);
  closeFd(shown);
  closeFd(hidden);
});

test("bytes move from pipe to pipe without being seen", () => {
  const from = openPipe(O_NONBLOCK);
  const to = openPipe(O_NONBLOCK);
  assert.is(spliceNow(from.readFd, to.writeFd, 100), undefined);
  writeNow(from.writeFd, Buffer.from("through"));
  assert.is(spliceNow(from.readFd, to.writeFd, 100), 7);
  const buffer = Buffer.alloc(10);
  assert.is(readNow(to.readFd, buffer), 7);
  assert.is(buffer.toString("utf8", 0, 7), "through");
  closeFd(from.writeFd);
  assert.is(spliceNow(from.readFd, to.writeFd, 100), 0);
  for (const fd of [from.readFd, to.readFd, to.writeFd]) closeFd(fd);
});

test.run();
