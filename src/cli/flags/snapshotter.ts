import { stringFlag } from "./flag.ts";

export const snapshotterFlags = {
  snapshotter: stringFlag("where snapshots are kept; overlayfs when empty", {
    env: "CONTAINERD_SNAPSHOTTER",
    placeholder: "NAME",
    completion: "snapshotters",
  }),
};
