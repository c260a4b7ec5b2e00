import { mkdirSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { openLockFile } from "../../src/files/lock-file.ts";
import { createCtr } from "../support/ctr.ts";
import { tempDir } from "../support/temp.ts";
import { waitFor } from "../support/wait-for.ts";

test("of many collections asked for in the background one runs and one waits", async () => {
  using dir = tempDir();
  await using ctr = createCtr(dir.path);
  mkdirSync(`${ctr.root}/locks`, { recursive: true });
  const running = await openLockFile(`${ctr.root}/locks/collect`);
  const asked = Array.from({ length: 4 }, () => ctr.start(["_collect"]));
  const ended = () => asked.filter(({ exitCode }) => exitCode === 0).length;
  await waitFor(() => ended() === 3, { what: "the end of all but one" });
  running.remove();
  await waitFor(() => ended() === 4, { what: "the turn of the one that waited" });
  assert.is(await ctr.ok("system", "prune"), "nothing to remove\n");
});

test.run();
