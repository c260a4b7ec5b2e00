import { existsSync, mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { makeDirectoryDurably } from "../files/durable.ts";
import { listNames } from "../files/list-names.ts";
import { removeTree } from "../files/remove-tree.ts";
import { chmodFd, chownFd } from "../sys/attributes.ts";
import { asSysError, hasErrno } from "../sys/errno.ts";
import { AT_FDCWD, closeFd, O_DIRECTORY, O_NOFOLLOW, O_RDONLY, openAt } from "../sys/open.ts";
import { spreadDirectories, syncFilesystem } from "../sys/storage.ts";
import { diskUsage } from "./disk-usage.ts";

const REMOVING = ".removing-";

/**
 * The directories of one snapshotter: `snapshots/NAME/ID/fs` is what a snapshot holds, beside it is what the
 * snapshotter needs for itself. Those above are 0700: what is in a layer may be setuid.
 */
export class SnapshotDirectories {
  readonly path: string;
  /** Whether `removeTree` alone removes one. */
  readonly arePlain: boolean;
  readonly #removeBytes: (path: string) => void;

  /** `removeBytes` removes an id's directory; it must bear being called again after a kill. */
  constructor(root: string, name: string, removeBytes: (path: string) => void = removeTree) {
    this.path = join(root, "snapshots", name);
    this.arePlain = removeBytes === removeTree;
    this.#removeBytes = removeBytes;
  }

  of(id: number): string {
    return join(this.path, `${id}`);
  }

  filesOf(id: number): string {
    return join(this.of(id), "fs");
  }

  exists(id: number): boolean {
    return existsSync(this.of(id));
  }

  hasFiles(id: number): boolean {
    return existsSync(this.filesOf(id));
  }

  /** The directory of the id alone, without `fs`. Idempotent. */
  make(id: number): void {
    if (!existsSync(this.path)) {
      makeDirectoryDurably(this.path, 0o700);
      withDirectory(this.path, spreadDirectories);
    }
    makeDirectory(this.of(id), 0o700);
  }

  /** Makes all that was written to the filesystem durable, this snapshot's bytes with it. */
  sync(id: number): void {
    withDirectory(this.filesOf(id), syncFilesystem);
  }

  /** Ids in use or left over; none before the first snapshot. */
  ids(): number[] {
    return listNames(this.path)
      .filter((name) => /^[1-9]\d*$/.test(name))
      .map(Number);
  }

  /** From here on the id is free of bytes, and `purge` will find them even if we are killed. Answers where they are. */
  setAside(id: number): string {
    const aside = join(this.path, `${REMOVING}${id}`);
    try {
      renameSync(this.of(id), aside);
    } catch (error) {
      if (!hasErrno(error, "ENOENT")) throw asSysError(error);
    }
    return aside;
  }

  remove(id: number): void {
    this.#removeBytes(this.setAside(id));
  }

  /** Removes what was set aside, by whomever; answers the bytes freed. */
  purge(): number {
    let sizeBytes = 0;
    for (const name of listNames(this.path).filter((name) => name.startsWith(REMOVING))) {
      sizeBytes += diskUsage(join(this.path, name)).sizeBytes;
      this.#removeBytes(join(this.path, name));
    }
    return sizeBytes;
  }
}

/** With exactly this mode, whatever the umask. One that exists is left as it is. */
export function makeDirectory(path: string, mode: number, owner?: { uid: number; gid: number }): void {
  try {
    mkdirSync(path, 0o700);
  } catch (error) {
    if (hasErrno(error, "EEXIST")) return;
    throw asSysError(error);
  }
  withDirectory(path, (fd) => {
    if (owner) chownFd(fd, owner.uid, owner.gid);
    chmodFd(fd, mode);
  });
}

/** Runs `use` with the directory's descriptor. */
export function withDirectory<T>(path: string, use: (fd: number) => T): T {
  const fd = openAt(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  try {
    return use(fd);
  } finally {
    closeFd(fd);
  }
}
