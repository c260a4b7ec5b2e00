import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Test } from "uvu";
import * as assert from "uvu/assert";
import { openContentSweeper } from "../../src/content/index.ts";
import { openSnapshotSweepers } from "../../src/snapshotters/index.ts";
import { mountAll, unmountAll } from "../../src/sys/mount.ts";
import { tempDir } from "../support/temp.ts";
import { openSnapshotState, type SnapshotState } from "../support/unpack.ts";

const CHURN = join(import.meta.dirname, "../fixtures/snapshotters/churn.ts");

/** What a killed process leaves of snapshotter `name`, in a directory that `makeDir` makes. */
export function addCrashCase(test: Test, name: string, makeDir = tempDir): void {
  test("killed at any moment, what has a row is whole, and the collector finds the rest", async () => {
    using dir = makeDir();
    const root = dir.join("state");
    for (let kill = 0; kill < 6; kill++) await churnAndKill(root, name, `${kill}`, kill * 2);
    await using state = await openSnapshotState(root, "default", name);
    assert.ok((await assertAllMount(state)) > 0);
    // Nothing refers to any of them.
    await state.metadata.collectGarbage({
      root,
      content: openContentSweeper(root),
      snapshotters: await openSnapshotSweepers(root),
    });
    assert.equal(await Array.fromAsync(state.snapshotter.walk()), []);
    assert.equal(readdirSync(join(root, "snapshots", name)), []);
  });
}

async function churnAndKill(root: string, name: string, seed: string, rounds: number): Promise<void> {
  const child = Bun.spawn([process.execPath, CHURN, root, name, seed], { stdout: "pipe" });
  let printed = "";
  for await (const chunk of child.stdout) {
    printed += Buffer.from(chunk).toString();
    if (printed.split("\n").length > rounds) break;
  }
  child.kill("SIGKILL");
  await child.exited;
}

/** Every row has what a mount of it needs. */
export async function assertAllMount({ snapshotter, root }: SnapshotState): Promise<number> {
  const place = join(root, "../place");
  mkdirSync(place, { recursive: true });
  let count = 0;
  for await (const { key, kind } of snapshotter.walk()) {
    count++;
    const mounts =
      kind === "Committed" ? await snapshotter.view(`view of ${key}`, key) : await snapshotter.mounts(key);
    mountAll(mounts, place);
    unmountAll(place);
    if (kind === "Committed") await snapshotter.remove(`view of ${key}`);
  }
  return count;
}
