import { test } from "uvu";
import * as assert from "uvu/assert";
import { ext4Dir, ext4Flags } from "../../support/ext4.ts";
import { openSnapshotState } from "../../support/unpack.ts";

test("on ext4 snapshots are kept apart from each other, and each together", async () => {
  using disk = ext4Dir();
  await using state = await openSnapshotState(disk.path);
  await state.snapshotter.prepare("key", "");
  assert.match(ext4Flags(disk.join("snapshots/overlayfs")), "T");
  assert.not.match(ext4Flags(disk.join("snapshots/overlayfs/1")), "T");
});

test.run();
