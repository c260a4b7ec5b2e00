import { join } from "node:path";
import { removeTree } from "../../files/remove-tree.ts";
import { destroySubvolume, makeSubvolumeWritable } from "../../sys/btrfs.ts";
import { hasErrno } from "../../sys/errno.ts";
import { withDirectory } from "../snapshot-directories.ts";

/**
 * Removes an id's directory with its subvolume in one step, file by file where that cannot be: when there are
 * subvolumes inside that a container has made. Nothing to remove is no failure.
 */
export function removeWithSubvolume(directory: string): void {
  try {
    withDirectory(directory, (fd) => destroySubvolume(fd, "fs"));
  } catch (error) {
    if (hasErrno(error, "ENOTEMPTY")) withDirectory(join(directory, "fs"), makeSubvolumeWritable);
    else if (!hasErrno(error, "ENOENT")) throw error;
  }
  removeTree(directory);
}
