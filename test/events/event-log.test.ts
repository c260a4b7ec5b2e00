import { appendFileSync, mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Envelope, EventLog, ReadEvents } from "../../src/core/events.ts";
import { openEventLog } from "../../src/events/index.ts";
import { memoryDir } from "../support/memory-dir.ts";
import { run } from "../support/run-program.ts";
import { tempDir } from "../support/temp.ts";
import { waitFor } from "../support/wait-for.ts";

const test = suite("event log");

const readAll = (log: EventLog, options?: ReadEvents) => Array.fromAsync(log.read(options));
const start = (log: EventLog, id: string, namespace = "default") =>
  log.publish(namespace, "/tasks/start", { container_id: id, pid: 1 });
const idsOf = (events: Envelope[]) => events.map(({ event }) => event.container_id);

test("answers what was published, in its order, with the time of each", async () => {
  using dir = tempDir();
  const log = openEventLog(dir.path);
  const before = new Date().toISOString();
  log.publish("one", "/images/create", { name: "app:1", labels: { b: "2", a: "" } });
  log.publish("two", "/tasks/start", { container_id: "web", pid: 7 });
  const [first, second, ...rest] = await readAll(log);
  assert.equal(rest, []);
  assert.equal(
    { ...first, timestamp: "" },
    {
      timestamp: "",
      namespace: "one",
      topic: "/images/create",
      event: { name: "app:1", labels: { a: "", b: "2" } },
    },
  );
  assert.equal(Object.keys(first!.event.labels as object), ["a", "b"]);
  assert.is(second!.topic, "/tasks/start");
  for (const { timestamp } of [first!, second!]) {
    assert.match(timestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
    assert.ok(timestamp >= before.slice(0, -1), `${timestamp} before ${before}`);
  }
  assert.ok(first!.timestamp <= second!.timestamp);
});

test("leaves out what is empty, zero or false, and keeps messages within", async () => {
  using dir = tempDir();
  const log = openEventLog(dir.path);
  log.publish("default", "/tasks/create", {
    container_id: "web",
    bundle: "/b",
    rootfs: [],
    io: { stdin: "", terminal: false },
    checkpoint: undefined,
    pid: 5,
  });
  log.publish("default", "/containers/create", {
    id: "web",
    image: "",
    runtime: { name: "r", options: { type_url: "t", value: undefined } },
  });
  const exitedAt = new Date("2026-01-02T03:04:05.120Z");
  log.publish("default", "/tasks/exit", {
    container_id: "web",
    id: "web",
    pid: 5,
    exit_status: 0,
    exited_at: exitedAt,
  });
  assert.equal(
    (await readAll(log)).map(({ event }) => event),
    [
      { container_id: "web", bundle: "/b", io: {}, pid: 5 },
      { id: "web", runtime: { name: "r", options: { type_url: "t" } } },
      { container_id: "web", id: "web", pid: 5, exited_at: "2026-01-02T03:04:05.12Z" },
    ],
  );
});

test("is empty, and not made, where nothing was published", async () => {
  using dir = tempDir();
  assert.equal(await readAll(openEventLog(dir.join("state"))), []);
  assert.not.ok(statSync(dir.join("state"), { throwIfNoEntry: false }));
});

test("makes the state directory passable, and itself private", async () => {
  using dir = tempDir();
  const log = openEventLog(dir.join("a/b/state"));
  start(log, "web");
  assert.is(statSync(dir.join("a/b/state")).mode & 0o777, 0o711);
  assert.is(statSync(dir.join("a/b/state/events.log")).mode & 0o777, 0o600);
  assert.equal(idsOf(await readAll(log)), ["web"]);
});

test("selects by topic, namespace and fields", async () => {
  using dir = tempDir();
  const log = openEventLog(dir.path);
  start(log, "web", "one");
  start(log, "db", "two");
  log.publish("two", "/images/update", { name: "app", labels: { "io.app/team": "blue" } });
  const select = async (...filters: string[]) =>
    (await readAll(log, { filters })).map(({ event }) => event.container_id ?? event.name);
  assert.equal(await select("namespace==two"), ["db", "app"]);
  assert.equal(await select("topic~=^/tasks/"), ["web", "db"]);
  assert.equal(await select("event.container_id==web"), ["web"]);
  assert.equal(await select('event.labels."io.app/team"==blue'), ["app"]);
  assert.equal(await select("event.name", "event.container_id==db"), ["db", "app"]);
  assert.equal(await select("event.pid==1"), []);
  let failure: Error | undefined;
  await select("==").catch((error) => (failure = error));
  assert.match(failure?.message ?? "", /^filters: parse error/);
});

test("answers what lies between two times", async () => {
  using dir = tempDir();
  const line = (second: number, id: string) =>
    `\n${JSON.stringify({ timestamp: `2026-01-01T00:00:0${second}.000000000Z`, namespace: "n", topic: "/t", event: { container_id: id } })}\n`;
  writeFileSync(dir.join("events.log"), [1, 2, 3, 4].map((second) => line(second, `${second}`)).join(""));
  const log = openEventLog(dir.path);
  const at = (second: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, second));
  assert.equal(idsOf(await readAll(log, { since: at(2) })), ["2", "3", "4"]);
  assert.equal(idsOf(await readAll(log, { until: at(2) })), ["1", "2"]);
  assert.equal(idsOf(await readAll(log, { since: at(2), until: at(3), follow: true })), ["2", "3"]);
});

test("passes over records that a killed writer or a full disk cut short", async () => {
  using dir = tempDir();
  const log = openEventLog(dir.path);
  start(log, "a");
  const whole = `\n${JSON.stringify({ timestamp: "2026", namespace: "n", topic: "/t", event: { container_id: "cut" } })}\n`;
  for (const length of [1, 2, 20, whole.length - 2]) {
    appendFileSync(dir.join("events.log"), whole.slice(0, length));
    start(log, `after ${length}`);
  }
  assert.equal(idsOf(await readAll(log)), [
    "a",
    "after 1",
    "after 2",
    "after 20",
    `after ${whole.length - 2}`,
  ]);
});

test("follows what is published from now on, until told to stop", async () => {
  using dir = tempDir();
  const log = openEventLog(dir.path);
  start(log, "before");
  const controller = new AbortController();
  const seen: Envelope[] = [];
  const following = (async () => {
    for await (const event of log.read({ follow: true, signal: controller.signal })) seen.push(event);
  })();
  await waitFor(() => {
    start(log, "probe");
    return seen.length > 0;
  });
  start(openEventLog(dir.path), "last");
  await waitFor(() => idsOf(seen).at(-1) === "last");
  assert.not.ok(idsOf(seen).includes("before"));
  controller.abort();
  await following;
});

test("follows a log that is not there yet, and what was before when asked since when", async () => {
  using dir = tempDir();
  const log = openEventLog(dir.join("state"));
  const controller = new AbortController();
  const signal = controller.signal;
  const first = log.read({ follow: true, since: new Date(0), signal })[Symbol.asyncIterator]();
  const seen = first.next();
  await waitFor(() => statSync(dir.join("state/events.log")));
  start(log, "one");
  assert.is((await seen).value?.event.container_id, "one");
  const second = log.read({ follow: true, since: new Date(0), signal })[Symbol.asyncIterator]();
  assert.is((await second.next()).value?.event.container_id, "one");
  controller.abort();
  assert.ok((await first.next()).done);
  assert.ok((await second.next()).done);
});

test("a follower is told when the log is removed, instead of waiting for ever", async () => {
  using dir = tempDir();
  const log = openEventLog(dir.path);
  const events = log.read({ follow: true, since: new Date(0) })[Symbol.asyncIterator]();
  start(log, "last");
  assert.is((await events.next()).value?.event.container_id, "last");
  const next = events.next().catch((error: Error) => error.message);
  rmSync(dir.join("events.log"));
  assert.is(await next, `event log "${dir.path}/events.log": not found`);
});

test("ends by itself at a time that is yet to come", async () => {
  using dir = tempDir();
  const log = openEventLog(dir.path);
  assert.equal(await readAll(log, { follow: true, until: new Date(Date.now() + 50) }), []);
});

test("keeps the last events and gives back the rest", async () => {
  using dir = memoryDir();
  const log = openEventLog(dir.path, { keptBytes: 64 << 10, stepBytes: 16 << 10 });
  for (let number = 1; number <= 5000; number++) start(log, `${number}`);
  const { size, blocks } = statSync(dir.join("events.log"));
  assert.ok(size > 400 << 10, `${size} bytes were written`);
  assert.ok(blocks * 512 <= (64 + 16 + 4) << 10, `${blocks * 512} bytes are kept`);
  const ids = idsOf(await readAll(log)).map(Number);
  assert.is(ids.at(-1), 5000);
  assert.ok(ids.length >= 400, `${ids.length} events are kept`);
  assert.equal(
    ids,
    Array.from({ length: ids.length }, (_, index) => 5000 - ids.length + 1 + index),
  );
});

test("tells a reader that was too slow, who goes on with the oldest there is", async () => {
  using dir = memoryDir();
  const log = openEventLog(dir.path, { keptBytes: 16 << 10, stepBytes: 16 << 10 });
  let losses = 0;
  const events = log
    .read({ follow: true, since: new Date(0), onLoss: () => losses++ })
    [Symbol.asyncIterator]();
  start(log, "0");
  assert.is((await events.next()).value?.event.container_id, "0");
  for (let number = 1; number <= 5000; number++) start(log, `${number}`);
  const first = Number((await events.next()).value?.event.container_id);
  assert.is(losses, 1);
  assert.ok(first > 4000, `it goes on with ${first}`);
  for (let number = first + 1; number <= 5000; number++) {
    assert.is((await events.next()).value?.event.container_id, `${number}`);
  }
  await events.return?.();
});

test("a full disk, a state directory that cannot be and one that is read-only lose events, and nothing else", async () => {
  using full = memoryDir(64 << 10);
  const crowded = openEventLog(full.path);
  for (let number = 0; number < 2000; number++) start(crowded, `${number}`);
  const ids = idsOf(await readAll(crowded));
  assert.ok(ids.length > 100 && ids.length < 2000, `${ids.length} fit`);
  assert.equal(
    ids,
    Array.from({ length: ids.length }, (_, index) => `${index}`),
  );

  using dir = tempDir();
  writeFileSync(dir.join("file"), "");
  start(openEventLog(dir.join("file")), "a");
  start(openEventLog(`${dir.path}/file/below`), "a");

  mkdirSync(dir.join("state"));
  const mounted = await run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", dir.join("state")]);
  assert.is(mounted.code, 0, mounted.stderr);
  start(openEventLog(dir.join("state")), "a");
  assert.equal(await readAll(openEventLog(dir.join("state"))), []);
});

test.run();
