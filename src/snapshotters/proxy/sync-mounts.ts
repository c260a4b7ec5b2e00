import type { Mount } from "../../core/mount.ts";
import { hasErrno } from "../../sys/errno.ts";
import { AT_FDCWD, closeFd, O_DIRECTORY, O_RDONLY, openAt } from "../../sys/open.ts";
import { syncFilesystem } from "../../sys/storage.ts";

/**
 * Makes durable what was written through the mounts, where they say which directory that is: plugins leave it to the
 * kernel's leisure, and a power cut after a pull would leave empty files in committed layers.
 */
export function syncMounts(mounts: readonly Mount[]): void {
  for (const directory of mounts.map(writtenDirectory)) if (directory) syncDirectoryTree(directory);
}

function writtenDirectory({ type, source, options }: Mount): string | undefined {
  const upper = options.find((option) => option.startsWith("upperdir="));
  if (upper) return upper.slice("upperdir=".length).replace(/\\(.)/g, "$1");
  return type === "bind" || options.includes("bind") || options.includes("rbind") ? source : undefined;
}

/** The directory may be a plugin's in another mount namespace. */
function syncDirectoryTree(path: string): void {
  let fd: number;
  try {
    fd = openAt(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
  } catch (error) {
    if (hasErrno(error, "ENOENT", "ENOTDIR")) return;
    throw error;
  }
  try {
    syncFilesystem(fd);
  } finally {
    closeFd(fd);
  }
}
