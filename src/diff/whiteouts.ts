import { CtrError } from "../core/errors.ts";
import { chownAt } from "../sys/attributes.ts";
import { mknodAt, S_IFCHR } from "../sys/entries.ts";
import { procPath } from "../sys/proc-path.ts";
import { isDirectory } from "../sys/stat.ts";
import { setXattr } from "../sys/xattr.ts";
import type { TarHeader } from "../tar/header.ts";
import { asName, type BytePath, baseOf, parentOf } from "./byte-path.ts";
import { ensureDirectory } from "./parents.ts";
import { emptyDirectory } from "./removal.ts";
import type { Unpacking } from "./unpacking.ts";
import { OPAQUE, OPAQUE_YES } from "./whiteout-marks.ts";

/** OCI image spec, layer.md, "Whiteouts". */
const PREFIX = ".wh.";
const OPAQUE_MARKER = ".wh..wh..opq";

/**
 * Hides what the layers below have when the entry is a whiteout, and answers whether it was one. What the same layer
 * has made stays. Throws InvalidArgument for one that names no entry of its directory.
 */
export function applyWhiteout(unpacking: Unpacking, path: BytePath, header: TarHeader): boolean {
  const base = baseOf(path);
  if (!base.startsWith(PREFIX)) return false;
  if (base === OPAQUE_MARKER) hideContent(unpacking, parentOf(path));
  else hideEntry(unpacking, parentOf(path), whiteoutTarget(base), header);
  return true;
}

function whiteoutTarget(base: string): string {
  const target = base.slice(PREFIX.length);
  if (target === "" || target === "." || target === "..") {
    throw new CtrError("InvalidArgument", `whiteout of ${JSON.stringify(target)}`);
  }
  return target;
}

function hideContent(unpacking: Unpacking, path: BytePath): void {
  const directory = ensureDirectory(unpacking, path);
  if (unpacking.whiteouts === "overlay") setXattr(`/proc/self/fd/${directory.fd}/.`, OPAQUE, OPAQUE_YES);
  emptyDirectory(directory.fd, unpacking.made.has);
  unpacking.tree.forgetDirectories();
}

function hideEntry(unpacking: Unpacking, parentPath: BytePath, base: BytePath, header: TarHeader): void {
  const { tree, made, whiteouts } = unpacking;
  const name = asName(base);
  const path = parentPath === "" ? base : `${parentPath}/${base}`;
  const parent = ensureDirectory(unpacking, parentPath);
  if (tree.stat(parent, base)) tree.remove(path, made.has);
  if (whiteouts === "remove") return;
  const { fd } = ensureDirectory(unpacking, parentPath);
  const kept = tree.stat({ fd }, base);
  if (kept === undefined) {
    mknodAt(fd, name, S_IFCHR, 0);
    chownAt(fd, name, header.uid, header.gid);
    made.add(fd, name);
  } else if (isDirectory(kept)) setXattr(procPath(fd, name), OPAQUE, OPAQUE_YES);
}
