import { basename } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createCtr } from "../support/ctr.ts";
import { openWorkbench } from "../support/workbench.ts";

/** Namespace and id alike: all that could be told apart is the directories. */
test("two state directories on one machine know nothing of each other", async () => {
  await using bench = await openWorkbench();
  const { ctr: one, directory, image } = bench;
  await using elsewhere = createCtr(directory.join("elsewhere", basename(directory.path)));
  const env = { CTR_ROOT: elsewhere.root, CTR_STATE: elsewhere.state };
  const other = async (...words: string[]) => {
    const { code, stdout, stderr } = await one.with({ env })(...words);
    assert.is(code, 0, stderr);
    return stdout;
  };
  assert.is(await other("images", "list", "-q"), "");
  await other("images", "pull", image);
  const sleep = ["run", "-d", image, "web", "sleep", "1000"];
  await one.ok(...sleep);
  await other(...sleep);

  const processes = async (ps: Promise<string>) => (await ps).trimEnd().split("\n").length - 1;
  assert.is(await processes(one.ok("tasks", "ps", "web")), 1);
  assert.is(await processes(other("tasks", "ps", "web")), 1);
  await one.ok("tasks", "pause", "web");
  assert.match(await one.ok("tasks", "list"), /PAUSED/);
  assert.match(await other("tasks", "list"), /RUNNING/);
  assert.is(await other("tasks", "exec", "web", "echo", "alive"), "alive\n");
  await one.ok("tasks", "resume", "web");
  await one("tasks", "delete", "--force", "web");
  await one.ok("containers", "delete", "web");
  assert.match(await other("tasks", "list"), /RUNNING/);
  assert.is(await other("tasks", "exec", "web", "echo", "alive"), "alive\n");
  await one.with({ env })("tasks", "delete", "--force", "web");
});

test.run();
