import { existsSync, readFileSync } from "node:fs";
import { release } from "node:os";

/**
 * What every overlay mount needs on this machine, as containerd finds out: `index=off`, since an index would refuse
 * an upper directory that is mounted with other lowers later, wherever the kernel knows it (4.13; a module not yet
 * loaded is taken to know it); `userxattr` in a user namespace, where `trusted.` attributes cannot be written.
 */
export function kernelOptions(): string[] {
  const knowsIndex = existsSync("/sys/module/overlay/parameters/index") || !existsSync("/sys/module/overlay");
  return [...(knowsIndex ? ["index=off"] : []), ...(isInUserNamespace() ? ["userxattr"] : [])];
}

/** The first namespace maps all IDs to themselves. */
function isInUserNamespace(): boolean {
  return !/^\s*0\s+0\s+4294967295\s*$/.test(readFileSync("/proc/self/uid_map", "utf8"));
}

/** Linux 5.19 and later; whether the layers' filesystem can be mapped, only a mount tells. */
export function takesMappedLayers(): boolean {
  const [major = 0, minor = 0] = release().split(".").map(Number);
  return major > 5 || (major === 5 && minor >= 19);
}
