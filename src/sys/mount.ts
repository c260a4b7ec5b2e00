/**
 * Mounts, and takes away all that is mounted somewhere. Dangerous here: a bind mount that is left behind is a door
 * into the host's data, and a recursive removal that walks through it deletes them; a mount is shared with other
 * namespaces unless its propagation says otherwise.
 *
 * Kernel rules: mount(2) takes one page of data; a bind mount ignores per-mount flags until it is remounted, and
 * a remount that does not repeat them drops them; a change of propagation must come alone.
 */
import { realpathSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { CtrError } from "../core/errors.ts";
import type { Mount } from "../core/mount.ts";
import { asSysError, checkCall, hasErrno } from "./errno.ts";
import { cString, linkOnFirstUse } from "./libc.ts";
import { mountMappedOverlay } from "./mapped-overlay.ts";
import { readMountInfo } from "./mount-info.ts";
import {
  type MountOptions,
  MS_BIND,
  MS_REC,
  MS_REMOUNT,
  PER_MOUNT_FLAGS,
  parseMountOptions,
} from "./mount-options.ts";
import {
  fitsOnePage,
  lowerDirectories,
  mountLongOverlay,
  type OverlayMount,
  withLowerDirectories,
} from "./overlay-mount.ts";
import { unmount } from "./unmount.ts";

const libc = linkOnFirstUse({
  mount: { args: ["cstring", "cstring", "cstring", "u64", "cstring"], returns: "i32" },
  statvfs: { args: ["cstring", "ptr"], returns: "i32" },
});

/**
 * Mounts `mount` at `target`, which exists (with `mount.target` below it); type `none` with a propagation and without
 * `bind` changes what is mounted there. All or nothing: a remount or propagation that fails takes the mount away
 * again. Throws `SysError` whose path is the mount point.
 */
export function mountAt(mount: Mount, target: string): void {
  const place = mount.target === undefined ? target : join(target, mount.target);
  const options = parseMountOptions(mount.options);
  const { flags, propagations } = options;
  const isBind = (flags & MS_BIND) !== 0;
  const isRemount = (flags & MS_REMOUNT) !== 0;
  const isChangeOfPropagation = propagations.length > 0 && !isBind && mount.type === "none";
  const makesMount = !isRemount && !isChangeOfPropagation;
  if (makesMount || (isRemount && !isBind)) mountFirst(mount, place, options);
  try {
    if (isBind) remountBind(place, flags);
    for (const propagation of propagations) callMount("", place, "", propagation, "");
  } catch (error) {
    if (makesMount) unmount(place, { detach: true });
    throw error;
  }
}

function mountFirst({ type, source }: Mount, place: string, options: MountOptions): void {
  const { flags, data, uidMaps } = options;
  const overlay = { source, place: resolve(place), flags, data };
  if (type !== "overlay") callMount(source, place, type, flags, data.join(","));
  else if (uidMaps.length === 0) mountOverlay(overlay);
  else {
    mountMappedOverlay(place, lowerDirectories(data), options, {
      mount: (layers) => mountOverlay({ ...overlay, data: withLowerDirectories(data, layers) }),
      unmount: () => unmount(place, { detach: true }),
    });
  }
}

function mountOverlay(overlay: OverlayMount): void {
  const { source, place, flags, data } = overlay;
  const mount = (text: string) => callMount(source, place, "overlay", flags, text);
  if (fitsOnePage(data)) mount(data.join(","));
  else mountLongOverlay(overlay, mount);
}

/** Applies the per-mount flags of a bind mount, and keeps those that it took over from its source. */
function remountBind(place: string, flags: number): void {
  const wanted = flags & PER_MOUNT_FLAGS;
  if (wanted === 0 && (flags & MS_REMOUNT) === 0) return;
  callMount("", place, "", (flags & ~MS_REC) | MS_REMOUNT | inheritedFlags(place), "");
}

/** nosuid, nodev and noexec of what is mounted at `place`: statvfs has them under the same bits as mount(2). */
function inheritedFlags(place: string): number {
  const buffer = Buffer.alloc(112);
  checkCall(libc().statvfs(cString(place), buffer), "statvfs", place);
  return buffer.readUInt32LE(72) & 0b1110;
}

function callMount(source: string, place: string, type: string, flags: number, data: string): void {
  const result = libc().mount(cString(source), cString(place), cString(type), flags, cString(data));
  checkCall(result, "mount", place);
}

/** Mounts all of `mounts` over each other at `target`; if one fails, those before it are taken away again. */
export function mountAll(mounts: readonly Mount[], target: string): void {
  for (const [index, mount] of mounts.entries()) {
    try {
      mountAt(mount, target);
    } catch (error) {
      for (const done of mounts.slice(0, index).reverse()) {
        unmount(done.target === undefined ? target : join(target, done.target), { detach: true });
      }
      throw error;
    }
  }
}

/**
 * Takes away everything that is mounted at or below `target`, the latest first; what is busy is detached. Does
 * nothing where nothing is mounted or `target` does not exist. Throws FailedPrecondition for a mount that this
 * process is not allowed to take away (one that a user namespace locked).
 */
export function unmountAll(target: string): void {
  let points = mountPointsBelow(target);
  while (points.length > 0) {
    for (const point of points.reverse()) unmountOrDetach(point);
    const rest = mountPointsBelow(target);
    if (rest.length >= points.length) throw new CtrError("FailedPrecondition", `unmount ${rest[0]}`);
    points = rest;
  }
}

/** Whether something is mounted at `target`, whose last component is not followed. */
export function isMountPoint(target: string): boolean {
  const place = canonicalPlace(target);
  return place !== undefined && readMountInfo().some(({ mountPoint }) => mountPoint === place);
}

/** Where something is mounted, at `target` and below, in the order in which it was mounted; twice for two. */
export function mountPointsBelow(target: string): string[] {
  const place = canonicalPlace(target);
  if (place === undefined) return [];
  const below = place === "/" ? "/" : `${place}/`;
  return readMountInfo()
    .map(({ mountPoint }) => mountPoint)
    .filter((mountPoint) => mountPoint === place || mountPoint.startsWith(below));
}

function unmountOrDetach(place: string): void {
  try {
    unmount(place);
  } catch (error) {
    if (hasErrno(error, "EBUSY")) unmount(place, { detach: true });
    // EINVAL, ENOENT: somebody else took it away, or it hung below another one that has just gone. Mountinfo tells.
    else if (!hasErrno(error, "EINVAL", "ENOENT")) throw error;
  }
}

/** `target` as mountinfo writes it; `undefined` where its parent does not exist. The last part is not followed. */
function canonicalPlace(target: string): string | undefined {
  try {
    return join(realpathSync(dirname(resolve(target))), basename(target));
  } catch (error) {
    if (hasErrno(error, "ENOENT", "ENOTDIR")) return undefined;
    throw asSysError(error, target);
  }
}
