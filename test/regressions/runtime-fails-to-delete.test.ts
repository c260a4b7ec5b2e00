import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { mountsBelow } from "../support/mounts.ts";
import { processesNaming } from "../support/processes.ts";
import { waitFor } from "../support/wait-for.ts";
import { openWorkbench } from "../support/workbench.ts";

// The supervisor of a `run --rm` stayed for good when the runtime, killed in the midst, had not removed the container
// that was off the list already: nobody could make one of that name any more, nor remove what was left.

test("a runtime that fails to delete what is off the list leaves litter, which the next of that name removes", async () => {
  await using bench = await openWorkbench();
  const { ctr, directory, image } = bench;
  const [runtime, failed] = [directory.join("runtime"), directory.join("failed")];
  const script = `#!/bin/sh
case " $* " in *" delete "*) [ -e '${failed}' ] || { : >'${failed}'; kill -KILL $$; } ;; esac
exec runc "$@"
`;
  writeFileSync(runtime, script, { mode: 0o755 });
  const run = ["run", "--rm", "--runc-binary", runtime, image, "box", "echo", "works"];
  assert.is(await ctr.ok(...run), "works\n");
  await waitFor(() => existsSync(failed), { what: "the runtime's failure" });
  await waitFor(() => processesNaming(ctr.state).length === 0, { what: "the end of the supervisor" });
  assert.is(await ctr.ok(...run), "works\n");
  await ctr.ok("system", "prune");
  for (const part of ["tasks", "runc"]) {
    assert.equal(readdirSync(join(ctr.state, part, ctr.namespace)), [], part);
  }
  assert.equal(mountsBelow(ctr.state), []);
});

test.run();
