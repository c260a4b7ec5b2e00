import { CtrError, withSubject } from "../core/errors.ts";
import { openBelow } from "../files/resolve-below.ts";
import { setTimesFd } from "../sys/attributes.ts";
import { hasErrno } from "../sys/errno.ts";
import { closeFd, O_DIRECTORY, O_NOFOLLOW, O_RDONLY } from "../sys/open.ts";
import type { TarHeader } from "../tar/header.ts";
import { kernelId } from "./attributes.ts";
import { asName, type BytePath, baseOf, cleanPath, parentOf, quoteName } from "./byte-path.ts";
import { makeDirectory } from "./entries/directory.ts";
import { makeHardlink } from "./entries/hardlink.ts";
import { makeNode } from "./entries/node.ts";
import { FileInTheMaking } from "./entries/regular-file.ts";
import { makeSymlink } from "./entries/symlink.ts";
import type { Directory } from "./layer-tree.ts";
import { ensureDirectory } from "./parents.ts";
import type { Place, Unpacking } from "./unpacking.ts";
import { isWhiteout } from "./whiteout-marks.ts";
import { applyWhiteout } from "./whiteouts.ts";

/** Makes one entry after the other, synchronously: nothing else may look at the descriptors in between. */
export class Unpacker implements Disposable {
  readonly #unpacking: Unpacking;
  #file: FileInTheMaking | undefined;
  #entryName: Uint8Array = new Uint8Array(0);

  constructor(unpacking: Unpacking) {
    this.#unpacking = unpacking;
  }

  /** Throws with the entry's name before everything; InvalidArgument when the archive is at fault. */
  begin(header: TarHeader): void {
    this.#entryName = header.name;
    this.#unpacking.tree.closeForgotten();
    this.#named(() => {
      header.uid = kernelId(header.uid);
      header.gid = kernelId(header.gid);
      this.#make(cleanPath(header.name), header);
    });
  }

  write(bytes: Uint8Array, offset: number): void {
    this.#named(() => this.#file?.write(bytes, offset));
  }

  end(): void {
    this.#named(() => this.#file?.finish());
    this[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    this.#file?.close();
    this.#file = undefined;
  }

  /** Sets the times that directories have at the end. */
  finish(): void {
    for (const { path, accessed, modified } of this.#unpacking.lateTimes) {
      const fd = openIfDirectory(this.#unpacking, path);
      if (fd === undefined) continue;
      setTimesFd(fd, accessed, modified);
      closeFd(fd);
    }
  }

  #make(path: BytePath, header: TarHeader): void {
    if (path === "") {
      // The root's attributes are the snapshotter's affair, as in containerd.
      if (header.type === "directory") return;
      throw new CtrError("InvalidArgument", "root of the layer");
    }
    if (applyWhiteout(this.#unpacking, path, header)) return;
    const { tree, made } = this.#unpacking;
    const directory = ensureDirectory(this.#unpacking, parentOf(path));
    const place = { path, directory, name: asName(baseOf(path)) };
    try {
      this.#makeEntry(place, header, false);
    } catch (error) {
      if (!hasErrno(error, "EEXIST")) throw error;
      const hidden =
        this.#unpacking.whiteouts === "overlay" && isWhiteout(tree.stat(directory, baseOf(path))!);
      this.#requireSettled(directory, baseOf(path));
      tree.remove(path);
      this.#makeEntry(place, header, hidden);
    }
    made.add(directory.fd, place.name);
  }

  #makeEntry(place: Place, header: TarHeader, isOpaque: boolean): void {
    switch (header.type) {
      case "file":
        this.#file = new FileInTheMaking(place, header);
        break;
      case "directory":
        this.#requireSettled(place.directory, baseOf(place.path));
        makeDirectory(this.#unpacking, place, header, isOpaque);
        break;
      case "symlink":
        makeSymlink(place, header);
        break;
      case "hardlink":
        makeHardlink(this.#unpacking, place, header);
        break;
      case "character":
      case "block":
      case "fifo":
        makeNode(place, header, header.type);
        break;
      case "unknown":
        throw new CtrError("InvalidArgument", `type ${JSON.stringify(String.fromCharCode(header.typeFlag))}`);
    }
  }

  #requireSettled(directory: Directory, name: BytePath): void {
    const { tree, unsettled } = this.#unpacking;
    if (!unsettled || unsettled.isEmpty) return;
    const parent = tree.resolvedPath(directory);
    unsettled.refuse(parent === "" ? name : `${parent}/${name}`);
  }

  #named(step: () => void): void {
    try {
      step();
    } catch (error) {
      throw withSubject(`layer entry ${quoteName(this.#entryName)}`, error);
    }
  }
}

/** The layer may have put something else there since. */
function openIfDirectory({ tree }: Unpacking, path: BytePath): number | undefined {
  try {
    return openBelow(tree.rootFd, asName(path), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  } catch (error) {
    if (hasErrno(error, "ENOENT", "ENOTDIR", "ELOOP")) return undefined;
    throw error;
  }
}
