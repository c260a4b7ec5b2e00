import { readdirSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ctrExecutable } from "../support/ctr.ts";
import { createStepKiller } from "../support/kill-at-step.ts";
import { mountsBelow } from "../support/mounts.ts";
import { waitFor } from "../support/wait-for.ts";
import { openWorkbench, type Workbench } from "../support/workbench.ts";

const KILLED = 137;

let bench: Workbench;
const test = suite("the client of a run killed at every step");
test.before(async () => {
  bench = await openWorkbench();
});
test.after(async () => {
  await bench[Symbol.asyncDispose]();
});

/** Supervisors may still be finishing what their client had asked for, and are right to. */
async function mended(): Promise<boolean> {
  return (await bench.ctr("system", "check", "--repair")).code === 0;
}

/** Without anybody's doing. */
async function isGone(): Promise<boolean> {
  return (await bench.ctr.ok("containers", "list", "-q")) === "";
}

for (const flags of [["--rm"], ["-d"]]) {
  test(`run ${flags}: what is left is mended, and the name is free again`, async () => {
    const { ctr, image, directory } = bench;
    const killer = createStepKiller(directory.path, { isClientAlone: true });
    const words = [ctrExecutable, "run", ...flags, image, "box", "true"];
    const clean = async () => {
      await ctr("tasks", "delete", "--force", "box");
      await ctr("containers", "delete", "box");
    };
    const steps = await killer.steps(words, ctr.env);
    await clean();
    let kills = 0;
    for (const step of steps) {
      if ((await killer.killAt(step, words, ctr.env)).code === KILLED) kills++;
      if (flags.includes("--rm"))
        await waitFor(isGone, { what: `its removal after ${step.call} ${step.count}` });
      await waitFor(mended, { what: `a repair after ${step.call} ${step.count}` });
      await clean();
      assert.is(await ctr.ok("tasks", "list", "-q"), "");
      assert.is(await ctr.ok("containers", "list", "-q"), "");
    }
    assert.ok(kills >= steps.length * 0.8, `${kills} kills in ${steps.length} steps`);
    assert.is(await ctr.ok("run", "--rm", image, "box", "echo", "here"), "here\n");
    await ctr.ok("system", "prune");
    assert.equal(mountsBelow(ctr.state), []);
    // A run's last files go moments after it has answered.
    const bundles = () => readdirSync(join(ctr.state, "tasks", ctr.namespace));
    await waitFor(() => bundles().length === 0, { what: "the removal of the last bundle" });
    assert.equal(JSON.parse(await ctr.ok("snapshots", "list", "-o", "json")).length, 1);
  });
}

test.run();
