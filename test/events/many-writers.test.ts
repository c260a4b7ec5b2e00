import { statSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { openEventLog } from "../../src/events/index.ts";
import { bigLabels } from "../fixtures/events/big-labels.ts";
import { memoryDir } from "../support/memory-dir.ts";
import { waitFor } from "../support/wait-for.ts";

const test = suite("event log: many writers");

const FIXTURES = join(import.meta.dirname, "../fixtures/events");

test("a reader finds each event of each writer once, whole and in order, however often the log is cut", async () => {
  using dir = memoryDir();
  const [writerCount, roundCount, perRound] = [4, 30, 200];
  const [keptBytes, stepBytes] = [256 << 10, 16 << 10];
  const script = join(FIXTURES, "write-rounds.ts");
  const next = new Map<string, number>();
  const controller = new AbortController();
  const log = openEventLog(dir.path);
  const reading = (async () => {
    const events = log.read({
      follow: true,
      since: new Date(0),
      signal: controller.signal,
      onLoss: () => assert.unreachable("the reader fell behind"),
    });
    for await (const { event } of events) {
      const { container_id: name, pid } = event as { container_id: string; pid: number };
      assert.is(pid, (next.get(name) ?? 0) + 1, `the next event of ${name}`);
      next.set(name, pid);
    }
  })();
  const writers = Array.from({ length: writerCount }, (_, index) =>
    Bun.spawn(
      [process.execPath, script, dir.path, `w${index}`, `${perRound}`, `${keptBytes}`, `${stepBytes}`],
      { stdin: "pipe", stdout: "inherit", stderr: "inherit" },
    ),
  );
  try {
    // All write at once, but no round begins before the last is read: nobody can fall behind by more than is kept.
    for (let round = 1; round <= roundCount; round++) {
      for (const { stdin } of writers) {
        stdin.write("go\n");
        stdin.flush();
      }
      const isRead = () => writers.every((_, index) => next.get(`w${index}`) === round * perRound);
      await Promise.race([waitFor(isRead, { what: `round ${round}`, timeoutMs: 30_000 }), reading]);
    }
  } finally {
    controller.abort();
    for (const writer of writers) writer.kill();
    await Promise.all(writers.map(({ exited }) => exited));
  }
  await reading;
  const { size, blocks } = statSync(dir.join("events.log"));
  assert.ok(size > 5 * keptBytes, `${size} bytes were written`);
  assert.ok(blocks * 512 <= keptBytes + 2 * stepBytes, `${blocks * 512} bytes are kept`);
});

test("writers killed in the midst of writing leave nothing that a reader stumbles over", async () => {
  using dir = memoryDir();
  const log = openEventLog(dir.path);
  const size = () => statSync(dir.join("events.log"), { throwIfNoEntry: false })?.size ?? 0;
  for (let round = 0; round < 8; round++) {
    const before = size();
    const writers = ["a", "b"].map((name) =>
      Bun.spawn([process.execPath, join(FIXTURES, "write-until-killed.ts"), dir.path, `${name}${round}`], {
        stdout: "inherit",
        stderr: "inherit",
      }),
    );
    await waitFor(() => size() > before + (2 << 20), {
      what: "the writers' first events",
      timeoutMs: 30_000,
    });
    for (const writer of writers) writer.kill("SIGKILL");
    await Promise.all(writers.map(({ exited }) => exited));
    log.publish("test", "/images/delete", { name: `after ${round}` });
    const next = new Map<string, number>();
    const names: unknown[] = [];
    for await (const { topic, event } of log.read()) {
      const { name, labels } = event as { name: string; labels: Record<string, string> };
      if (topic === "/images/delete") names.push(name);
      else {
        const { number, ...others } = labels;
        assert.equal(others, bigLabels);
        if (next.has(name)) assert.is(Number(number), next.get(name), `the next event of ${name}`);
        next.set(name, Number(number) + 1);
      }
    }
    assert.is(names.at(-1), `after ${round}`);
    assert.ok(next.has(`a${round}`) || next.has(`b${round}`));
  }
});

test.run();
