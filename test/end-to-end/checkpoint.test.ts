import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { criuTest } from "../support/criu.ts";
import { type Ctr, createCtr } from "../support/ctr.ts";
import { waitFor } from "../support/wait-for.ts";
import { openWorkbench } from "../support/workbench.ts";

const check = criuTest();

/** Counts in memory and in a file, one step for each line it reads; says the count. */
const COUNTER = "n=0; while read line; do n=$((n+1)); echo $n > /count; echo \"$line $n\"; done";
/** The same by itself. */
const CLOCK = "n=0; while sleep 0.05; do n=$((n+1)); echo $n > /count; echo $n; done";

const lastLine = async (ctr: Ctr, id: string): Promise<string> =>
  (await ctr.ok("tasks", "logs", id)).trimEnd().split("\n").at(-1)!;
const count = async (ctr: Ctr, id: string): Promise<number> => Number(await lastLine(ctr, id));
const status = async (ctr: Ctr, id: string): Promise<string | undefined> =>
  JSON.parse(await ctr.ok("tasks", "list", "-o", "json")).find((task: { id: string }) => task.id === id)?.status;

check("a checkpoint is pushed, pulled by another state directory, and goes on there from where it was", async () => {
  await using bench = await openWorkbench();
  const { ctr, directory, image, registry } = bench;
  await using elsewhere = createCtr(directory.join("elsewhere", "home"));
  const ref = `${registry.host}/checkpoints/web:1`;
  await ctr.ok("run", "-d", image, "web", "sh", "-c", CLOCK);
  await waitFor(async () => (await count(ctr, "web")) >= 3);
  assert.is(await ctr.ok("containers", "checkpoint", "--image", "--rw", "--task", "web", ref), "");
  assert.is(await status(ctr, "web"), "running");
  const reached = await count(ctr, "web");
  await waitFor(async () => (await count(ctr, "web")) > reached, { what: "the original's going on" });
  await ctr.ok("images", "push", ref);

  await elsewhere.ok("images", "pull", ref);
  assert.is(await elsewhere.ok("containers", "restore", "--rw", "--live", "web2", ref), "");
  const first = await waitFor(async () => Number((await elsewhere.ok("tasks", "logs", "web2")).split("\n")[0]));
  assert.ok(first > 3 && first <= reached + 2, `${first} follows a count of at most ${reached}`);
  await waitFor(async () => (await count(elsewhere, "web2")) > first + 2, { what: "the restored one's going on" });
  assert.ok(Number(await elsewhere.ok("tasks", "exec", "web2", "cat", "/count")) > first);
  await elsewhere.ok("tasks", "kill", "-s", "KILL", "web2");
  assert.is((await elsewhere("tasks", "wait", "web2")).code, 137);
  await elsewhere.ok("tasks", "delete", "web2");
  await elsewhere.ok("containers", "delete", "web2");
  await ctr.ok("tasks", "delete", "--force", "web");
});

test.run();
