import type { Mount } from "../core/mount.ts";
import { claimMountPlace } from "../files/places.ts";
import { mountAll } from "../sys/mount.ts";
import { lowerDirectories, optionValue, unescaped } from "./overlay-options.ts";
import type { WhiteoutKind } from "./unpacking.ts";

/** The directory that mounts come down to, and how the layer is written into it. */
export interface Target {
  root: string;
  /** The directories of the layers below, the topmost first. */
  lowers: readonly string[];
  whiteouts: WhiteoutKind;
  /** Whether `lowers` are not known yet. */
  isApart: boolean;
}

/**
 * Runs `action` on what `mounts` show. An overlay's upper directory and a bind mount's source are written directly,
 * which saves the way through overlayfs; anything else is mounted below `mountPlaces` meanwhile.
 */
export async function withTarget<T>(
  mounts: readonly Mount[],
  mountPlaces: string,
  action: (target: Target) => Promise<T>,
): Promise<T> {
  const direct = directTarget(mounts);
  if (direct) return action(direct);
  using place = claimMountPlace(mountPlaces);
  mountAll(mounts, place.path);
  return await action({ root: place.path, lowers: [], whiteouts: "remove", isApart: false });
}

/** Whether they can be written to without being mounted, by any thread: a mount is made for all of them. */
export function isDirect(mounts: readonly Mount[]): boolean {
  return directTarget(mounts) !== undefined;
}

function directTarget(mounts: readonly Mount[]): Target | undefined {
  const [mount] = mounts;
  if (mounts.length !== 1 || !mount || mount.target !== undefined || mount.options.includes("ro")) {
    return undefined;
  }
  if (mount.type === "bind") return { root: mount.source, lowers: [], whiteouts: "remove", isApart: false };
  const upper = optionValue(mount, "upperdir");
  if (mount.type !== "overlay" || upper === undefined || mount.options.includes("userxattr"))
    return undefined;
  const lowers = lowerDirectories(mount).map(unescaped);
  return { root: unescaped(upper), lowers, whiteouts: "overlay", isApart: lowers.length === 0 };
}
