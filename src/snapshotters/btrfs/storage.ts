import { chmodFd } from "../../sys/attributes.ts";
import { createSubvolume, snapshotSubvolume, subvolumeId } from "../../sys/btrfs.ts";
import { diskUsage } from "../disk-usage.ts";
import { SnapshotDirectories, withDirectory } from "../snapshot-directories.ts";
import type { SnapshotStorage } from "../storage.ts";
import { changedUsage } from "./changed-usage.ts";
import { btrfsDevice } from "./device.ts";
import { removeWithSubvolume } from "./removal.ts";

/** Each snapshot a subvolume, which shares all its parent's blocks until they are written. */
export function openBtrfs(root: string): SnapshotStorage {
  const directories = new SnapshotDirectories(root, "btrfs", removeWithSubvolume);
  return {
    name: "btrfs",
    directories,
    canRemap: () => false,
    make({ kind, id, parentIds: [parentId] }) {
      btrfsDevice(root);
      directories.make(id);
      if (directories.hasFiles(id)) return;
      if (parentId === undefined) makeSubvolume(directories.of(id));
      else makeSnapshot(directories.of(id), directories.filesOf(parentId), kind === "View");
    },
    usage({ id, parentIds: [parentId] }) {
      const files = directories.filesOf(id);
      return parentId === undefined ? diskUsage(files) : changedUsage(files, directories.filesOf(parentId));
    },
    mounts({ kind, id }) {
      const subvolume = withDirectory(directories.filesOf(id), subvolumeId);
      const options = [`subvolid=${subvolume}`, ...(kind === "View" ? ["ro"] : [])];
      return [{ type: "btrfs", source: btrfsDevice(root), options }];
    },
  };
}

function makeSubvolume(directory: string): void {
  withDirectory(directory, (fd) => createSubvolume(fd, "fs"));
  withDirectory(`${directory}/fs`, (fd) => chmodFd(fd, 0o755));
}

function makeSnapshot(directory: string, parentFiles: string, isReadOnly: boolean): void {
  withDirectory(directory, (fd) =>
    withDirectory(parentFiles, (parentFd) => snapshotSubvolume(parentFd, fd, "fs", { isReadOnly })),
  );
}
