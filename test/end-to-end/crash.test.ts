import { Database } from "bun:sqlite";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { busyboxLayer } from "../support/busybox-image.ts";
import { createCtr } from "../support/ctr.ts";
import { buildImage, buildLayer } from "../support/image.ts";
import { waitFor } from "../support/wait-for.ts";
import { openWorkbench, type Workbench } from "../support/workbench.ts";

/** Each command is killed that often, each time a little later, until it gets to its end before the kill. */
const MAX_KILLS = 40;

/** Large enough that a pull takes a while, random so that nothing compresses it away. */
const bigImage = () =>
  buildImage({
    layers: [
      busyboxLayer(),
      ...[1, 2, 3].map((layer) =>
        buildLayer(
          Array.from({ length: 60 }, (_, at) => ({
            path: `data/${layer}/${at}`,
            content: randomBytes(100_000),
          })),
        ),
      ),
    ],
    config: { Cmd: ["sh"], Env: ["PATH=/bin"] },
  });

let bench: Workbench;
const test = suite("kill -9 at any time");
test.before(async () => {
  bench = await openWorkbench({ image: bigImage(), isPulled: false });
});
test.after(async () => {
  await bench[Symbol.asyncDispose]();
});

/** Starts the command over and over, killing it after a growing delay, until one run gets to its end, which must be a good one. */
async function killUntilDone(words: string[], stepMs: number) {
  for (let kills = 0; kills < MAX_KILLS; kills++) {
    const running = bench.ctr.start(words);
    const delayMs = stepMs * (kills + 1);
    const isDone = await Promise.race([
      running.exited.then(() => true),
      Bun.sleep(delayMs).then(() => false),
    ]);
    if (isDone) {
      assert.is(running.exitCode, 0, `after ${kills} kills: ${await new Response(running.stderr).text()}`);
      return;
    }
    running.kill("SIGKILL");
    await running.exited;
  }
  const { code, stderr } = await bench.ctr(...words);
  assert.is(code, 0, stderr);
}

test("a pull is resumed, and what it leaves is whole", async () => {
  const { ctr, image } = bench;
  await killUntilDone(["images", "pull", image], 15);
  const { code, stderr } = await ctr("run", "--rm", image, "check", "sh", "-c", "find /data -type f | wc -l");
  assert.is(code, 0, stderr);
});

test("a pull begun anew after a kill brings the same tree as one that was never killed", async () => {
  const { ctr, image, directory } = bench;
  await using other = createCtr(directory.join("undisturbed"));
  await other.ok("images", "pull", image);
  const sum = ["sh", "-c", "find /data /bin -type f | sort | xargs sha256sum | sha256sum"];
  assert.is(
    await ctr.ok("run", "--rm", image, "killed-tree", ...sum),
    await other.ok("run", "--rm", image, "whole-tree", ...sum),
  );
});

test("run --rm succeeds under the same name", async () => {
  const { ctr, image } = bench;
  const words = ["run", "--rm", image, "again", "true"];
  await killUntilDone(words, 4);
  assert.is(await ctr.ok("containers", "list", "-q"), "");
  assert.is(await ctr.ok("tasks", "list", "-q"), "");
});

test("exec succeeds under the same name", async () => {
  const { ctr, image } = bench;
  await ctr.ok("run", "-d", image, "host", "sleep", "1000");
  const words = ["tasks", "exec", "--exec-id", "probe", "host", "true"];
  for (let kills = 1; kills <= 15; kills++) {
    const running = ctr.start(words);
    await Bun.sleep(kills * 4);
    running.kill("SIGKILL");
    await running.exited;
    await waitFor(async () => (await ctr(...words)).code === 0, { what: "the same exec's success" });
  }
  await ctr.ok("tasks", "delete", "--force", "host");
  await ctr.ok("containers", "delete", "host");
});

test("deleting is finished by the next delete", async () => {
  const { ctr, image } = bench;
  for (const stepMs of [1, 2, 3, 5]) {
    await ctr.ok("run", "-d", image, "doomed", "sleep", "1000");
    for (const words of [
      ["tasks", "delete", "--force", "doomed"],
      ["containers", "delete", "doomed"],
    ]) {
      const running = ctr.start(words);
      await Bun.sleep(stepMs * 3);
      running.kill("SIGKILL");
      await running.exited;
      const { code, stderr } = await ctr(...words);
      assert.ok(code === 0 || /not found/.test(stderr), stderr);
    }
    assert.is(await ctr.ok("containers", "list", "-q"), "");
    assert.is(await ctr.ok("tasks", "list", "-q"), "");
  }
});

test("the container outlives its client, and can be deleted", async () => {
  const { ctr, image } = bench;
  const running = ctr.start(["run", image, "orphan", "sleep", "1000"]);
  await waitFor(async () => (await ctr.ok("tasks", "list")).includes("RUNNING"), {
    what: "the running task",
  });
  running.kill("SIGKILL");
  await running.exited;
  assert.match(await ctr.ok("tasks", "list"), /orphan +\d+ +RUNNING/);
  await ctr.ok("tasks", "delete", "--force", "orphan");
  await ctr.ok("containers", "delete", "orphan");
});

test("the container of run --rm is removed when its client was killed", async () => {
  const { ctr, image } = bench;
  const running = ctr.start(["run", "--rm", image, "left", "sleep", "1000"]);
  await waitFor(async () => (await ctr.ok("tasks", "list")).includes("RUNNING"), {
    what: "the running task",
  });
  running.kill("SIGKILL");
  await running.exited;
  await ctr.ok("tasks", "kill", "--signal", "KILL", "left");
  await waitFor(async () => (await ctr.ok("containers", "list", "-q")) === "", {
    what: "the removal of the container",
  });
  assert.not.match(await ctr.ok("snapshots", "list"), /left/);
});

test("also when it was killed after the end of its task, and had not removed the container yet", async () => {
  const { ctr, image } = bench;
  const running = ctr.start(["run", "--rm", image, "left", "sleep", "1000"]);
  await waitFor(async () => (await ctr.ok("tasks", "list")).includes("RUNNING"), {
    what: "the running task",
  });
  {
    // Nobody else writes to the database meanwhile.
    using metadata = new Database(join(ctr.root, "metadata.db"));
    metadata.exec("BEGIN IMMEDIATE");
    await ctr.ok("tasks", "kill", "--signal", "KILL", "left");
    const bundle = join(ctr.state, "tasks", ctr.namespace, "left");
    await waitFor(() => !existsSync(bundle), { what: "the removal of the task" });
    running.kill("SIGKILL");
    await running.exited;
    metadata.exec("ROLLBACK");
  }
  await waitFor(async () => (await ctr.ok("containers", "list", "-q")) === "", {
    what: "the removal of the container",
  });
});

test.run();
