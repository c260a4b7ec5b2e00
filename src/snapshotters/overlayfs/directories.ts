import { mkdirSync, readdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { makeDirectoryDurably } from "../../files/durable.ts";
import { removeTree } from "../../files/remove-tree.ts";
import { chmodFd, chownFd } from "../../sys/attributes.ts";
import { asSysError, hasErrno } from "../../sys/errno.ts";
import { AT_FDCWD, closeFd, O_DIRECTORY, O_NOFOLLOW, O_RDONLY, openAt } from "../../sys/open.ts";
import { statFd } from "../../sys/stat.ts";
import { syncFilesystem } from "../../sys/storage.ts";
import { diskUsage } from "../disk-usage.ts";

const REMOVING = ".removing-";

/**
 * The bytes of all overlayfs snapshots of a state directory: `snapshots/overlayfs/ID/fs` holds what a snapshot
 * changed, `ID/work` is overlayfs's own. The directories above are 0700: what is in a layer may be setuid.
 */
export class Directories {
  private readonly path: string;

  constructor(root: string) {
    this.path = join(root, "snapshots", "overlayfs");
  }

  filesOf(id: number): string {
    return join(this.path, `${id}`, "fs");
  }

  workOf(id: number): string {
    return join(this.path, `${id}`, "work");
  }

  /** As overlayfs needs them; `fs` becomes the merged root, and so belongs to whom the parent's belongs. Idempotent. */
  make(id: number, parentId: number | undefined): void {
    makeDirectoryDurably(this.path, 0o700);
    makeDirectory(join(this.path, `${id}`), 0o700);
    makeDirectory(this.workOf(id), 0o711);
    const parent = parentId === undefined ? undefined : ownerOf(this.filesOf(parentId));
    makeDirectory(this.filesOf(id), 0o755, parent);
  }

  usage(id: number) {
    return diskUsage(this.filesOf(id));
  }

  /** Makes all that was written to the filesystem durable, this snapshot's bytes with it. */
  sync(id: number): void {
    const fd = openDirectory(this.filesOf(id));
    try {
      syncFilesystem(fd);
    } finally {
      closeFd(fd);
    }
  }

  /** Ids in use or left over; none before the first snapshot. */
  ids(): number[] {
    return this.names()
      .filter((name) => /^[1-9]\d*$/.test(name))
      .map(Number);
  }

  /** From here on the id is free of bytes, and `purge` will find them even if we are killed. */
  setAside(id: number): void {
    try {
      renameSync(join(this.path, `${id}`), join(this.path, `${REMOVING}${id}`));
    } catch (error) {
      if (!hasErrno(error, "ENOENT")) throw asSysError(error);
    }
  }

  remove(id: number): void {
    this.setAside(id);
    removeTree(join(this.path, `${REMOVING}${id}`));
  }

  /** Removes what was set aside, by whomever; answers the bytes freed. */
  purge(): number {
    let sizeBytes = 0;
    for (const name of this.names().filter((name) => name.startsWith(REMOVING))) {
      sizeBytes += diskUsage(join(this.path, name)).sizeBytes;
      removeTree(join(this.path, name));
    }
    return sizeBytes;
  }

  private names(): string[] {
    try {
      return readdirSync(this.path);
    } catch (error) {
      if (hasErrno(error, "ENOENT")) return [];
      throw asSysError(error);
    }
  }
}

function makeDirectory(path: string, mode: number, owner?: { uid: number; gid: number }): void {
  try {
    mkdirSync(path, 0o700);
  } catch (error) {
    if (hasErrno(error, "EEXIST")) return;
    throw asSysError(error);
  }
  const fd = openDirectory(path);
  try {
    if (owner) chownFd(fd, owner.uid, owner.gid);
    chmodFd(fd, mode);
  } finally {
    closeFd(fd);
  }
}

function ownerOf(path: string): { uid: number; gid: number } {
  const fd = openDirectory(path);
  try {
    return statFd(fd);
  } finally {
    closeFd(fd);
  }
}

function openDirectory(path: string): number {
  return openAt(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}
