import { test } from "uvu";
import * as assert from "uvu/assert";
import { criuTest } from "../support/criu.ts";
import { parseEventLine } from "../support/followed-events.ts";
import { openWorkbench } from "../support/workbench.ts";

criuTest()("a checkpoint tells where it is, and what is restored from one tells from where", async () => {
  await using bench = await openWorkbench();
  const { ctr, directory, image } = bench;
  const told = async (id: string) => {
    const lines = await ctr.ok("events", "--no-follow", `event.container_id==${id}`);
    return lines.split("\n").slice(0, -1).map(parseEventLine);
  };
  await ctr.ok("run", "-d", "--null-io", image, "kept", "tail", "-f", "/dev/null");
  await ctr.ok("tasks", "checkpoint", "--image-path", directory.join("images"), "kept");
  const checkpointed = (await told("kept")).filter(({ topic }) => topic === "/tasks/checkpointed");
  assert.equal(
    checkpointed.map(({ event }) => event),
    [{ container_id: "kept", checkpoint: directory.join("images") }],
  );

  await ctr.ok("containers", "checkpoint", "--image", "--rw", "--task", "kept", "kept:1");
  await ctr.ok("containers", "restore", "--rw", "--live", "again", "kept:1");
  await ctr.ok("tasks", "delete", "--force", "again");
  const again = await told("again");
  assert.equal(
    again.map(({ topic }) => topic),
    ["/tasks/create", "/tasks/start", "/tasks/exit", "/tasks/delete"],
  );
  assert.ok(again[0]!.event.checkpoint);
  await ctr.ok("tasks", "delete", "--force", "kept");
});

test.run();
