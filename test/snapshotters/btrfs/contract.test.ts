import { snapshotterSuite } from "../../suites/snapshotter.ts";
import { openSnapshotState } from "../../support/unpack.ts";

snapshotterSuite(
  "btrfs",
  async (root, namespace) => {
    const state = await openSnapshotState(root, namespace, "btrfs");
    return Object.assign(state.snapshotter, { [Symbol.asyncDispose]: () => state[Symbol.asyncDispose]() });
  },
  "btrfs",
);
