import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { claimMountPlace } from "../files/places.ts";
import { mountAt } from "../sys/mount.ts";

/**
 * Finds out whether a built-in snapshotter can work on this state directory, without leaving anything in it. Throws
 * FailedPrecondition where the filesystem is not one for it, and what the kernel answers to a mount.
 */
export async function probeSnapshotter(
  name: string,
  { root, mountPlaces }: { root: string; mountPlaces: string },
): Promise<void> {
  if (name === "overlayfs") probeOverlay(mountPlaces);
  if (name === "btrfs") (await import("./btrfs/device.ts")).btrfsDevice(existing(root));
}

/** The state directory is made with the first thing in it. */
function existing(path: string): string {
  return existsSync(path) ? path : existing(dirname(path));
}

function probeOverlay(mountPlaces: string): void {
  using lower = claimMountPlace(mountPlaces);
  using place = claimMountPlace(mountPlaces);
  const options = [`lowerdir=${lower.path}:${place.path}`];
  mountAt({ type: "overlay", source: "overlay", options }, place.path);
}
