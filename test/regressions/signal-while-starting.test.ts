import { chmodSync, existsSync, rmSync, writeFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { waitFor } from "../support/wait-for.ts";
import { openWorkbench } from "../support/workbench.ts";

// A signal that came while the container was being made ended ctr, and left a container without a task for good.

test("a signal while the runtime is at work ends nothing by halves", async () => {
  await using bench = await openWorkbench();
  const { ctr, directory, image } = bench;
  const [runtime, entered, gate] = ["slow-runc", "entered", "gate"].map((name) => directory.join(name));
  writeFileSync(gate!, "");
  const script = `#!/bin/sh\ncase " $* " in *" run "*) touch ${entered}; while [ -e ${gate} ]; do sleep 0.02; done;; esac\nexec runc "$@"\n`;
  writeFileSync(runtime!, script);
  chmodSync(runtime!, 0o755);
  const program = "trap 'exit 7' TERM; echo up; while :; do sleep 0.05; done";
  const client = ctr.start(["run", "--rm", "--runc-binary", runtime!, image, "c", "sh", "-c", program]);
  await waitFor(async () => existsSync(entered!), { what: "the runtime's call" });
  client.kill("SIGTERM");
  rmSync(gate!);
  const { value } = await client.stdout.getReader().read();
  assert.is(Buffer.from(value ?? []).toString(), "up\n");
  client.kill("SIGTERM");
  assert.is(await client.exited, 7);
  assert.is(await ctr.ok("containers", "list", "-q"), "");
});

test.run();
