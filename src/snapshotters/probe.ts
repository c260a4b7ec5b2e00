import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { mountAt, unmountAll } from "../sys/mount.ts";

/**
 * Finds out whether a built-in snapshotter can work on this state directory, without leaving anything in it. Throws
 * FailedPrecondition where the filesystem is not one for it, and what the kernel answers to a mount.
 */
export async function probeSnapshotter(name: string, root: string): Promise<void> {
  if (name === "overlayfs") probeOverlay();
  if (name === "btrfs") (await import("./btrfs/device.ts")).btrfsDevice(existing(root));
}

/** The state directory is made with the first thing in it. */
function existing(path: string): string {
  return existsSync(path) ? path : existing(dirname(path));
}

function probeOverlay(): void {
  const directory = mkdtempSync(join(tmpdir(), "ctr-probe-"));
  try {
    const [place, ...lowers] = ["place", "one", "two"].map((name) => join(directory, name));
    for (const path of [place!, ...lowers]) mkdirSync(path);
    mountAt({ type: "overlay", source: "overlay", options: [`lowerdir=${lowers.join(":")}`] }, place!);
    unmountAll(place!);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
