import type { SnapshotSweeper } from "../../core/collector.ts";
import { Directories } from "./directories.ts";

/** What the collector removes of overlayfs snapshots, whatever their namespace. */
export function openOverlayfsSweeper(root: string): SnapshotSweeper {
  const directories = new Directories(root);
  return {
    snapshotter: "overlayfs",
    directoryIds: async () => directories.ids(),
    setAside: async (ids) => {
      for (const id of ids) directories.setAside(id);
    },
    purge: async () => directories.purge(),
  };
}
