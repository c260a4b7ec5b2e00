import { snapshotterSuite } from "../../suites/snapshotter.ts";
import { openSnapshotState } from "../../support/unpack.ts";

snapshotterSuite("native", async (root, namespace) => {
  const state = await openSnapshotState(root, namespace, "native");
  return Object.assign(state.snapshotter, { [Symbol.asyncDispose]: () => state[Symbol.asyncDispose]() });
});
