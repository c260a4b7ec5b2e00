import { realpathSync } from "node:fs";
import { CtrError } from "../../core/errors.ts";
import { type MountInfo, readMountInfo } from "../../sys/mount-info.ts";

/** What the filesystem below the existing directory `path` is mounted from. Throws FailedPrecondition unless it is btrfs. */
export function btrfsDevice(path: string): string {
  const { type, source } = mountOf(realpathSync(path));
  if (type === "btrfs") return source;
  throw new CtrError(
    "FailedPrecondition",
    `path ${path} (${type}) must be a btrfs filesystem to be used with the btrfs snapshotter`,
  );
}

/** Later mounts cover earlier ones. */
function mountOf(path: string): MountInfo {
  const above = readMountInfo().filter(
    ({ mountPoint }) => mountPoint === "/" || path === mountPoint || path.startsWith(`${mountPoint}/`),
  );
  return above.reduce((best, mount) => (mount.mountPoint.length >= best.mountPoint.length ? mount : best));
}
