import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { openSnapshotSweepers } from "../../../src/snapshotters/index.ts";
import { mountAll, unmountAll } from "../../../src/sys/mount.ts";
import { addCrashCase } from "../../suites/snapshotter-crash.ts";
import { diskDir } from "../../support/disk-dir.ts";
import { openSnapshotState } from "../../support/unpack.ts";

addCrashCase(test, "btrfs", () => diskDir("btrfs"));

test("subvolumes that a container made inside go with the snapshot, read-only ones too", async () => {
  using dir = diskDir("btrfs");
  await using state = await openSnapshotState(dir.join("state"), "default", "btrfs");
  const place = dir.join("place");
  mkdirSync(place);
  mountAll(await state.snapshotter.prepare("key", ""), place);
  execFileSync("btrfs", ["subvolume", "create", join(place, "inner")]);
  writeFileSync(join(place, "inner/file"), "x");
  execFileSync("btrfs", ["subvolume", "snapshot", "-r", join(place, "inner"), join(place, "frozen")]);
  unmountAll(place);
  await state.snapshotter.remove("key");
  assert.equal(readdirSync(join(state.root, "snapshots/btrfs")), []);
  assert.is(execFileSync("btrfs", ["subvolume", "list", dir.path], { encoding: "utf8" }), "");
});

test("what was set aside by one who was killed is purged with its subvolume", async () => {
  using dir = diskDir("btrfs");
  await using state = await openSnapshotState(dir.join("state"), "default", "btrfs");
  await state.snapshotter.prepare("base", "");
  await state.snapshotter.commit("name", "base");
  await state.snapshotter.view("view", "name");
  const sweeper = (await openSnapshotSweepers(state.root)).find(
    ({ snapshotter }) => snapshotter === "btrfs",
  )!;
  await sweeper.setAside([1, 2, 77]);
  assert.equal(await sweeper.directoryIds(), []);
  await sweeper.purge();
  assert.not.ok(existsSync(join(state.root, "snapshots/btrfs/.removing-2")));
  assert.is(execFileSync("btrfs", ["subvolume", "list", dir.path], { encoding: "utf8" }), "");
});

test.run();
