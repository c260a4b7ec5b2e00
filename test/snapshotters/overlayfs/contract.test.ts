import { snapshotterSuite } from "../../suites/snapshotter.ts";
import { openSnapshotState } from "../../support/unpack.ts";

snapshotterSuite("overlayfs", async (root, namespace) => {
  const state = await openSnapshotState(root, namespace);
  return Object.assign(state.snapshotter, { [Symbol.asyncDispose]: () => state[Symbol.asyncDispose]() });
});
