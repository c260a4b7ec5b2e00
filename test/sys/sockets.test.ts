import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { hasCode } from "../../src/core/errors.ts";
import { openPath, readNow, writeNow } from "../../src/sys/descriptors.ts";
import { type Errno, hasErrno } from "../../src/sys/errno.ts";
import { closeFd, O_RDONLY, O_RDWR } from "../../src/sys/open.ts";
import { acceptNow, connectUnix, listenUnix, receiveMessage, sendMessage } from "../../src/sys/sockets.ts";
import { tempDir } from "../support/temp.ts";
import { waitFor } from "../support/wait-for.ts";

const FIXTURE = join(import.meta.dirname, "../fixtures/sys/send-descriptor.ts");
const fails = (errno: Errno) => (error: unknown) => hasErrno(error, errno);

/** Two connected sockets. */
function openSocketPair(): [number, number] {
  using dir = tempDir();
  const listener = listenUnix(dir.join("pair"));
  const client = connectUnix(dir.join("pair"));
  const server = acceptNow(listener)!;
  closeFd(listener);
  return [client, server];
}

function openFds(): number {
  return readdirSync("/proc/self/fd").length;
}

for (const length of [20, 107, 108, 300, 1000]) {
  test(`listening and connecting at a path of ${length} bytes and more`, () => {
    using dir = tempDir();
    let directory = dir.path;
    while (directory.length + 2 < length)
      directory += `/${"d".repeat(Math.min(200, length - directory.length - 2))}`;
    mkdirSync(directory, { recursive: true });
    const path = `${directory}/s`;
    const before = openFds();
    const listener = listenUnix(path);
    assert.is(acceptNow(listener), undefined);
    const client = connectUnix(path);
    const server = acceptNow(listener)!;
    writeNow(client, Buffer.from("hello"));
    const buffer = Buffer.alloc(5);
    assert.is(readNow(server, buffer), 5);
    assert.is(buffer.toString(), "hello");
    assert.throws(() => listenUnix(path), fails("EADDRINUSE"));
    for (const fd of [client, server, listener]) closeFd(fd);
    assert.throws(() => connectUnix(path), fails("ECONNREFUSED"));
    assert.throws(() => connectUnix(`${directory}/none`), fails("ENOENT"));
    assert.is(openFds(), before);
  });
}

test("a name that fits no socket address is refused", () => {
  using dir = tempDir();
  for (const path of ["", `${dir.path}/${"n".repeat(200)}`, `${dir.path}/a\0b`]) {
    assert.throws(
      () => connectUnix(path),
      (error: unknown) => hasCode(error, "InvalidArgument", "NotFound"),
    );
  }
});

test("descriptors travel with a message and mean the same file", () => {
  using dir = tempDir();
  writeFileSync(dir.join("a"), "first");
  writeFileSync(dir.join("b"), "second");
  const [left, right] = openSocketPair();
  const sent = [openPath(dir.join("a"), O_RDONLY), openPath(dir.join("b"), O_RDWR)];
  sendMessage(left, Buffer.from("two files"), sent);
  for (const fd of sent) closeFd(fd);
  const { bytes, fds } = receiveMessage(right, 100)!;
  assert.is(Buffer.from(bytes).toString(), "two files");
  assert.equal(
    fds.map((fd) => readFileSync(fd, "utf8")),
    ["first", "second"],
  );
  sendMessage(left, Buffer.from("none"), []);
  assert.equal(receiveMessage(right, 100)?.fds, []);
  closeFd(left);
  assert.is(receiveMessage(right, 100)?.bytes.length, 0);
  for (const fd of [right, ...fds]) closeFd(fd);
});

test("too many descriptors are refused, and none of them is kept", () => {
  const [left, right] = openSocketPair();
  const before = openFds();
  sendMessage(
    left,
    Buffer.from("x"),
    Array.from({ length: 12 }, () => 0),
  );
  assert.throws(
    () => receiveMessage(right, 10),
    (error: unknown) => hasCode(error, "DataLoss"),
  );
  assert.is(openFds(), before);
  closeFd(left);
  closeFd(right);
});

test("nobody there to read is told, without a signal", () => {
  const [left, right] = openSocketPair();
  closeFd(right);
  assert.throws(() => sendMessage(left, Buffer.from("x"), []), fails("EPIPE"));
  assert.throws(
    () => sendMessage(left, new Uint8Array(), [0]),
    (error: unknown) => hasCode(error, "InvalidArgument"),
  );
  closeFd(left);
});

test("a thousand descriptors pass one after the other while memory is collected", () => {
  const [left, right] = openSocketPair();
  const before = openFds();
  for (let round = 0; round < 1000; round++) {
    sendMessage(left, Buffer.from([round & 0xff, 1]), [0, 2]);
    if (round % 100 === 0) Bun.gc(true);
    const { bytes, fds } = receiveMessage(right, 8)!;
    assert.equal([...bytes], [round & 0xff, 1]);
    assert.is(fds.length, 2);
    for (const fd of fds) closeFd(fd);
  }
  assert.is(openFds(), before);
  closeFd(left);
  closeFd(right);
});

test("a descriptor comes from another process, as runc hands over its console", async () => {
  using dir = tempDir();
  const listener = listenUnix(dir.join("console.sock"));
  const child = Bun.spawn([process.execPath, FIXTURE, dir.join("console.sock"), "from the other side"]);
  const socket = await waitFor(() => acceptNow(listener));
  const { bytes, fds } = receiveMessage(socket, 4096)!;
  assert.is(Buffer.from(bytes).toString(), "a pipe");
  assert.is(await child.exited, 0);
  const buffer = Buffer.alloc(100);
  const count = readNow(fds[0]!, buffer)!;
  assert.is(buffer.toString("utf8", 0, count), "from the other side");
  for (const fd of [listener, socket, ...fds]) closeFd(fd);
});

test.run();
