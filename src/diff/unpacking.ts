import type { FileTime } from "../sys/attributes.ts";
import type { Name } from "../sys/libc.ts";
import { statFd } from "../sys/stat.ts";
import { type BytePath, bytesOf } from "./byte-path.ts";
import type { Directory, LayerTree } from "./layer-tree.ts";
import type { Keep } from "./removal.ts";
import type { Unsettled } from "./unsettled.ts";

/** How layers hide what those below have: as overlayfs does, or by taking it away. */
export type WhiteoutKind = "overlay" | "remove";

/** One layer on its way into one tree. */
export interface Unpacking {
  tree: LayerTree;
  whiteouts: WhiteoutKind;
  made: MadeEntries;
  /** Only while the layers below are not known. */
  unsettled?: Unsettled;
  /** Of directories, to be set when nothing more is put into them. In order; the last of one path wins. */
  lateTimes: { path: BytePath; accessed: FileTime; modified: FileTime }[];
}

/** Where an entry goes: `directory` holds until something is removed from the tree. */
export interface Place {
  path: BytePath;
  directory: Directory;
  name: Name;
}

/**
 * What this layer has made, which its own whiteouts must not hide, whatever their order. A tree that began empty
 * holds nothing else, and so nothing need be remembered.
 */
export class MadeEntries {
  readonly #keys: Set<string> | undefined;

  constructor(startedEmpty: boolean) {
    this.#keys = startedEmpty ? undefined : new Set();
  }

  add(directoryFd: number, name: Name): void {
    this.#keys?.add(this.#key(directoryFd, name));
  }

  readonly has: Keep = (directoryFd, name) =>
    this.#keys === undefined || this.#keys.has(this.#key(directoryFd, name));

  #key(directoryFd: number, name: Name): string {
    return `${statFd(directoryFd).inode}/${bytesOf(name)}`;
  }
}
