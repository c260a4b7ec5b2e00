import type { Mount } from "../../core/mount.ts";
import { getXattrFd } from "../../sys/xattr.ts";
import { overlayLayers } from "../overlay-options.ts";

/**
 * The directory that holds the names of all that `upper` changes of `lower`: the topmost layer of an overlay whose
 * other layers are what `lower` shows. Undefined where there is none, and both trees must be walked in full.
 */
export function changedDirectory(lower: readonly Mount[], upper: readonly Mount[]): string | undefined {
  const below = layersOf(lower);
  const [top, ...others] = layersOf(upper) ?? [];
  if (below === undefined || top === undefined) return undefined;
  const stand = others.length === below.length && others.every((path, at) => path === below[at]);
  return stand ? top : undefined;
}

function layersOf(mounts: readonly Mount[]): string[] | undefined {
  const [mount] = mounts;
  if (mounts.length !== 1 || mount === undefined || mount.target !== undefined) return undefined;
  if (mount.type === "bind") return [mount.source];
  return mount.type === "overlay" ? overlayLayers(mount).map(({ path }) => path) : undefined;
}

/** Kernel, overlayfs.rst: such a directory hides the one below, or shows one of another name. */
const CUTTING_XATTRS = ["opaque", "redirect"].flatMap((name) => [
  `trusted.overlay.${name}`,
  `user.overlay.${name}`,
]);

/** Whether names that this directory of a layer lacks may have changed all the same. */
export function cutsOff(fd: number): boolean {
  return CUTTING_XATTRS.some((key) => getXattrFd(fd, key) !== undefined);
}
