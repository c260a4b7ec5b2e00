import { lstatSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  duplicateFd,
  isNonblocking,
  makeFifo,
  openPath,
  openPipe,
  readNow,
  setNonblocking,
  setPipeCapacity,
  writeNow,
} from "../../src/sys/descriptors.ts";
import { type Errno, hasErrno } from "../../src/sys/errno.ts";
import { closeFd, O_NONBLOCK, O_RDONLY, O_WRONLY } from "../../src/sys/open.ts";
import { tempDir } from "../support/temp.ts";

const fails = (errno: Errno) => (error: unknown) => hasErrno(error, errno);
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

test.run();
