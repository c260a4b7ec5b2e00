import { join } from "node:path";
import { chownFd } from "../../sys/attributes.ts";
import { canMapOwners } from "../../sys/mapped-overlay.ts";
import { statFd } from "../../sys/stat.ts";
import { syncFd } from "../../sys/storage.ts";
import { diskUsage } from "../disk-usage.ts";
import { makeDirectory, SnapshotDirectories, withDirectory } from "../snapshot-directories.ts";
import type { SnapshotStorage } from "../storage.ts";
import { kernelOptions, takesMappedLayers } from "./kernel-options.ts";
import { mappedOwner } from "./mapped-owner.ts";
import { MAX_LOWERS, overlayMounts } from "./mounts.ts";

const NOBODY_ELSE = { uid: 0, gid: 0 };

/** `ID/fs` holds what a snapshot changed, `ID/work` is overlayfs's own. */
export function openOverlayfs(root: string): SnapshotStorage {
  const directories = new SnapshotDirectories(root, "overlayfs");
  const workOf = (id: number) => join(directories.of(id), "work");
  let options: readonly string[] | undefined;
  return {
    name: "overlayfs",
    directories,
    maxDepth: MAX_LOWERS,
    canRemap: () => takesMappedLayers() && canMapOwners(directories.path),
    /** `fs` becomes the merged root, and so belongs to whom the parent's belongs. */
    make({ id, parentIds: [parentId], owners }) {
      directories.make(id);
      makeDirectory(workOf(id), 0o711);
      const parentOwner =
        parentId === undefined ? NOBODY_ELSE : withDirectory(directories.filesOf(parentId), statFd);
      makeDirectory(directories.filesOf(id), 0o755, owners ? mappedOwner(parentOwner, owners) : parentOwner);
    },
    putAbove({ id, parentIds: [parentId] }) {
      const { uid, gid } = withDirectory(directories.filesOf(parentId!), statFd);
      withDirectory(directories.filesOf(id), (fd) => {
        const current = statFd(fd);
        if (current.uid === uid && current.gid === gid) return;
        chownFd(fd, uid, gid);
        syncFd(fd);
      });
    },
    usage: ({ id }) => diskUsage(directories.filesOf(id)),
    mounts({ kind, id, parentIds, owners, isApart }) {
      options ??= kernelOptions();
      const lowers = parentIds.map((parentId) => directories.filesOf(parentId));
      const upper = directories.filesOf(id);
      return overlayMounts({ kind, upper, work: workOf(id), lowers, owners, isApart }, options);
    },
  };
}
