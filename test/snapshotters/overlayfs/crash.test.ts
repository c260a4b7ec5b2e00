import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { openContentSweeper } from "../../../src/content/index.ts";
import { openSnapshotSweepers } from "../../../src/snapshotters/index.ts";
import { mountAll, unmountAll } from "../../../src/sys/mount.ts";
import { tempDir } from "../../support/temp.ts";
import { openSnapshotState, type SnapshotState } from "../../support/unpack.ts";

const CHURN = join(import.meta.dirname, "../../fixtures/snapshotters/churn.ts");

async function churnAndKill(root: string, seed: string, rounds: number): Promise<void> {
  const child = Bun.spawn([process.execPath, CHURN, root, "overlayfs", seed], { stdout: "pipe" });
  let printed = "";
  for await (const chunk of child.stdout) {
    printed += Buffer.from(chunk).toString();
    if (printed.split("\n").length > rounds) break;
  }
  child.kill("SIGKILL");
  await child.exited;
}

/** Every row has what a mount of it needs. */
async function assertAllMount({ snapshotter, root }: SnapshotState): Promise<number> {
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

test("killed at any moment, what has a row is whole, and the collector finds the rest", async () => {
  using dir = tempDir();
  const root = dir.join("state");
  for (let kill = 0; kill < 6; kill++) await churnAndKill(root, `${kill}`, kill * 2);
  await using state = await openSnapshotState(root);
  assert.ok((await assertAllMount(state)) > 0);
  // Nothing refers to any of them.
  await state.metadata.collectGarbage({
    root,
    content: openContentSweeper(root),
    snapshotters: await openSnapshotSweepers(root),
  });
  assert.equal(await Array.fromAsync(state.snapshotter.walk()), []);
  assert.equal(readdirSync(join(root, "snapshots/overlayfs")), []);
});

test("a directory that a power cut took before it was synced is made again, empty", async () => {
  using dir = tempDir();
  await using state = await openSnapshotState(dir.join("state"));
  const { snapshotter } = state;
  await snapshotter.prepare("base-key", "");
  await snapshotter.commit("base", "base-key");
  const before = await snapshotter.prepare("active", "base");
  const upper = before[0]!.options
    .find((option) => option.startsWith("upperdir="))!
    .slice("upperdir=".length);
  rmSync(dirname(upper), { recursive: true });
  assert.equal(await snapshotter.mounts("active"), before);
  assert.is(await assertAllMount(state), 2);
});

test("what was set aside by one who was killed is purged, and nothing else", async () => {
  using dir = tempDir();
  await using state = await openSnapshotState(dir.join("state"));
  const [mount] = await state.snapshotter.prepare("kept", "");
  const litter = join(dirname(dirname(mount!.source)), ".removing-99", "fs");
  mkdirSync(litter, { recursive: true });
  writeFileSync(join(litter, "bytes"), Buffer.alloc(100_000, "x"));
  const [sweeper] = await openSnapshotSweepers(state.root);
  assert.equal(await sweeper!.directoryIds(), [1]);
  assert.ok((await sweeper!.purge()) >= 100_000);
  assert.not.ok(existsSync(litter));
  assert.ok(existsSync(mount!.source));
  await sweeper!.setAside([1, 77]);
  assert.not.ok(existsSync(mount!.source));
  assert.ok((await sweeper!.purge()) > 0);
});

test.run();
