import { removeTree } from "../../files/remove-tree.ts";
import { destroySubvolume, isSubvolumeRoot, makeSubvolumeWritable } from "../../sys/btrfs.ts";
import { hasErrno } from "../../sys/errno.ts";
import { closeFd, O_DIRECTORY, O_NOFOLLOW, O_RDONLY, openAt } from "../../sys/open.ts";
import { readDirectory } from "../../sys/read-directory.ts";
import { statFd } from "../../sys/stat.ts";
import { withDirectory } from "../snapshot-directories.ts";

/** Removes an id's directory with its subvolume. Nothing to remove is no failure. */
export function removeWithSubvolume(directory: string): void {
  try {
    withDirectory(directory, removeSubvolume);
  } catch (error) {
    if (!hasErrno(error, "ENOENT")) throw error;
  }
  removeTree(directory);
}

/** In one step, unless a container has made subvolumes inside: they must go first. */
function removeSubvolume(directoryFd: number): void {
  try {
    destroySubvolume(directoryFd, "fs");
  } catch (error) {
    if (!hasErrno(error, "ENOTEMPTY")) throw error;
    destroySubvolumesBelow(directoryFd);
  }
}

function destroySubvolumesBelow(directoryFd: number): void {
  for (const { name, type } of readDirectory(directoryFd)) {
    if (type !== "directory") continue;
    const fd = openAt(directoryFd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    try {
      const isSubvolume = isSubvolumeRoot(statFd(fd));
      // In a read-only one nothing can be removed.
      if (isSubvolume) makeSubvolumeWritable(fd);
      destroySubvolumesBelow(fd);
      if (isSubvolume) destroySubvolume(directoryFd, name);
    } finally {
      closeFd(fd);
    }
  }
}
