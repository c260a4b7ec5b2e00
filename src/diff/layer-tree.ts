import { readlinkSync } from "node:fs";
import { CtrError } from "../core/errors.ts";
import { openBelow, openRoot } from "../files/resolve-below.ts";
import { readLinkAt } from "../sys/entries.ts";
import { hasErrno } from "../sys/errno.ts";
import { closeFd, O_DIRECTORY, O_NOFOLLOW, O_PATH, O_RDONLY, openAt } from "../sys/open.ts";
import { type FileStat, isLink, statAt, statFd } from "../sys/stat.ts";
import { syncFilesystem } from "../sys/storage.ts";
import { asName, type BytePath, baseOf, bytesOf, cleanText, parentOf, quotePath } from "./byte-path.ts";
import { type Keep, removeEntry } from "./removal.ts";

/** A directory that was resolved below the root, by an O_PATH descriptor that stays open until `closeForgotten`. */
export interface Directory {
  fd: number;
}

const CACHED_DIRECTORIES = 64;
/** As many links as Linux follows in one path. */
const MAX_LINKS = 40;

/**
 * The tree that a layer is unpacked into, its paths resolved below the root as if that were `/`.
 *
 * Directories are remembered by their path. That is sound as long as nothing that was there is taken away: a new
 * name cannot change what an existing path means, but a directory replaced by a link can (CVE-2025-47290). So every
 * removal goes through this class, and makes it forget them all.
 */
export class LayerTree {
  readonly rootFd: number;
  readonly #directories = new Map<BytePath, Directory>();
  #forgotten: Directory[] = [];
  readonly #lowerFds: (number | undefined)[];
  readonly #lowers: readonly string[];
  readonly #rootPath: string;

  /** `lowers`: the directories of the layers below, the topmost first. */
  constructor(root: string, lowers: readonly string[]) {
    this.rootFd = openRoot(root);
    this.#rootPath = pathOfFd(this.rootFd);
    this.#lowers = lowers;
    this.#lowerFds = lowers.map(() => undefined);
  }

  [Symbol.dispose](): void {
    this.forgetDirectories();
    this.closeForgotten();
    for (const fd of this.#lowerFds) if (fd !== undefined) closeFd(fd);
    closeFd(this.rootFd);
  }

  /** The directory that `path` means, links followed within the root; undefined when it is none, or one above. */
  findDirectory(path: BytePath): Directory | undefined {
    const known = this.#directories.get(path);
    if (known) return known;
    const fd = this.#tryOpen(this.rootFd, path);
    if (fd === undefined) return undefined;
    if (this.#directories.size >= CACHED_DIRECTORIES) this.forgetDirectories();
    const directory = { fd };
    this.#directories.set(path, directory);
    return directory;
  }

  /** As `findDirectory`; what is missing is made by `make`, the topmost first. Links to nowhere are followed too. */
  directory(path: BytePath, make: (parent: Directory, path: BytePath) => void, links = 0): Directory {
    const found = this.findDirectory(path);
    if (found) return found;
    if (links > MAX_LINKS) throw new CtrError("InvalidArgument", `too many links at ${quotePath(path)}`);
    const parentPath = parentOf(path);
    const parent = this.directory(parentPath, make, links);
    const name = baseOf(path);
    const existing = this.stat(parent, name);
    if (existing && isLink(existing)) {
      const target = bytesOf(readLinkAt(parent.fd, asName(name)));
      const from = target.startsWith("/") ? "" : this.resolvedPath(parent);
      return this.directory(cleanText(`${from}/${target}`), make, links + 1);
    }
    make(parent, path);
    return this.findDirectory(path)!;
  }

  stat(directory: Directory, name: BytePath): FileStat | undefined {
    try {
      return statAt(directory.fd, asName(name));
    } catch (error) {
      if (hasErrno(error, "ENOENT")) return undefined;
      throw error;
    }
  }

  /** Removes what has that name and all below it but what `keep` wants. */
  remove(path: BytePath, keep?: Keep): void {
    const parent = this.findDirectory(parentOf(path));
    if (parent) removeEntry(parent.fd, asName(baseOf(path)), keep);
    this.forgetDirectories();
  }

  forgetDirectories(): void {
    this.#forgotten.push(...this.#directories.values());
    this.#directories.clear();
  }

  /** To be called when nobody holds a `Directory`, between two entries. */
  closeForgotten(): void {
    if (this.#forgotten.length === 0) return;
    for (const { fd } of this.#forgotten) closeFd(fd);
    this.#forgotten = [];
  }

  /** Makes all that was written durable. */
  sync(): void {
    const fd = openAt(this.rootFd, ".", O_RDONLY | O_DIRECTORY);
    try {
      syncFilesystem(fd);
    } finally {
      closeFd(fd);
    }
  }

  /** The path below the root without any link in it. */
  resolvedPath(directory: Directory): BytePath {
    return pathOfFd(directory.fd).slice(this.#rootPath.length + 1);
  }

  /**
   * What the layers below show at the resolved `path`: a handle that the caller closes, and what it is; undefined
   * when none has it or a layer between has something else above it.
   */
  openLower(path: BytePath): { fd: number; stat: FileStat } | undefined {
    for (const [at, lower] of this.#lowers.entries()) {
      this.#lowerFds[at] ??= openRoot(lower);
      try {
        const fd = openBelow(this.#lowerFds[at]!, asName(path), O_PATH | O_NOFOLLOW);
        return { fd, stat: statFd(fd) };
      } catch (error) {
        if (hasErrno(error, "ENOTDIR", "ELOOP")) return undefined;
        if (!hasErrno(error, "ENOENT")) throw error;
      }
    }
    return undefined;
  }

  #tryOpen(rootFd: number, path: BytePath): number | undefined {
    try {
      return openBelow(rootFd, asName(path), O_PATH | O_DIRECTORY);
    } catch (error) {
      // ENOTDIR: of what stands in the way, a whiteout gives way to a directory.
      if (hasErrno(error, "ENOENT", "ENOTDIR")) return undefined;
      throw error;
    }
  }
}

function pathOfFd(fd: number): BytePath {
  return readlinkSync(`/proc/self/fd/${fd}`, "latin1");
}
