import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { openSnapshotSweepers } from "../../../src/snapshotters/index.ts";
import { addCrashCase, assertAllMount } from "../../suites/snapshotter-crash.ts";
import { tempDir } from "../../support/temp.ts";
import { openSnapshotState } from "../../support/unpack.ts";

addCrashCase(test, "overlayfs");

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

test("what a power cut left under an id that it took back is not taken for the next snapshot's", async () => {
  using dir = tempDir();
  const left = dir.join("state/snapshots/overlayfs/1/fs");
  mkdirSync(left, { recursive: true });
  writeFileSync(join(left, "setuid"), "somebody else's");
  await using state = await openSnapshotState(dir.join("state"));
  const [mount] = await state.snapshotter.prepare("new", "");
  assert.is(mount!.source, left);
  assert.equal(readdirSync(left), []);
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
