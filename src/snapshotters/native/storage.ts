import { copyTree } from "../../files/copy-tree.ts";
import { diskUsage } from "../disk-usage.ts";
import { makeDirectory, SnapshotDirectories } from "../snapshot-directories.ts";
import type { SnapshotStorage } from "../storage.ts";

/**
 * Each snapshot a whole copy of its parent, on any filesystem; blocks are shared where it has reflinks. A view is its
 * parent itself.
 */
export function openNative(root: string): SnapshotStorage {
  const directories = new SnapshotDirectories(root, "native");
  return {
    name: "native",
    directories,
    canRemap: () => false,
    make({ kind, id, parentIds: [parentId] }) {
      directories.make(id);
      makeDirectory(directories.filesOf(id), 0o755);
      if (kind === "View" || parentId === undefined) return;
      copyTree(directories.filesOf(parentId), directories.filesOf(id));
      directories.sync(id);
    },
    usage: ({ id }) => diskUsage(directories.filesOf(id)),
    mounts({ kind, id, parentIds: [parentId] }) {
      const shown = kind === "View" ? (parentId ?? id) : id;
      const access = kind === "View" ? "ro" : "rw";
      return [{ type: "bind", source: directories.filesOf(shown), options: [access, "rbind"] }];
    },
  };
}
