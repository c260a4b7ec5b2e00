import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { waitFor } from "../support/wait-for.ts";
import { openWorkbench } from "../support/workbench.ts";

// What was half made lay in /tmp, as large as a layer, where nobody ever looked for it.
test("a conversion to EROFS that is killed leaves nothing that stays", async () => {
  await using bench = await openWorkbench();
  const { ctr, directory, image } = bench;
  const reached = directory.join("reached");
  // Writes a piece of its last word, and waits until nobody writes to it any more.
  const script = `#!/bin/sh\nfor path; do :; done\necho half >"$path"\n: >'${reached}'\nexec cat >/dev/null\n`;
  writeFileSync(directory.join("bin", "mkfs.erofs"), script, { mode: 0o755 });
  const client = ctr.start(["images", "convert", "--erofs", "raw", image, "never:1"], {
    env: { PATH: `${directory.join("bin")}:${ctr.env.PATH}` },
  });
  await waitFor(() => existsSync(reached));
  client.kill("SIGKILL");
  await client.exited;
  const halves = () => readdirSync(join(ctr.root, "work"));
  assert.is(halves().length, 1);
  await ctr.ok("system", "prune");
  assert.equal(halves(), []);
  await ctr.ok("system", "check");
});

test.run();
