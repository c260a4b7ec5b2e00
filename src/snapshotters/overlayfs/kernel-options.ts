import { existsSync, readFileSync } from "node:fs";
import { release } from "node:os";
import { hasErrno } from "../../sys/errno.ts";

const PARAMETERS = "/sys/module/overlay/parameters";

/**
 * What every overlay mount needs on this machine, as containerd finds out: `index=off`, since an index would refuse
 * an upper directory that is mounted with other lowers later, wherever the kernel knows it (4.13; a module not yet
 * loaded is taken to know it); `userxattr` in a user namespace, where `trusted.` attributes cannot be written.
 *
 * And `metacopy=off` where the kernel would do otherwise by itself: a file of which only the owner or mode was changed
 * would be an empty one in its snapshot's directory, and stay so for whoever reads or mounts that without metacopy.
 */
export function kernelOptions(): string[] {
  const knowsIndex = existsSync(`${PARAMETERS}/index`) || !existsSync("/sys/module/overlay");
  return [
    ...(knowsIndex ? ["index=off"] : []),
    ...(isOnByDefault("metacopy") ? ["metacopy=off"] : []),
    ...(isInUserNamespace() ? ["userxattr"] : []),
  ];
}

function isOnByDefault(parameter: string): boolean {
  try {
    return readFileSync(`${PARAMETERS}/${parameter}`, "utf8").startsWith("Y");
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return false;
    throw error;
  }
}

/** The first namespace maps all IDs to themselves. */
function isInUserNamespace(): boolean {
  return !/^\s*0\s+0\s+4294967295\s*$/.test(readFileSync("/proc/self/uid_map", "utf8"));
}

/** Linux 5.19 and later. */
export function takesMappedLayers(): boolean {
  const [major = 0, minor = 0] = release().split(".").map(Number);
  return major > 5 || (major === 5 && minor >= 19);
}
