import { lstatSync, readdirSync, type Stats, statSync } from "node:fs";
import { join } from "node:path";
import { CtrError } from "../core/errors.ts";
import type { SpecDevice, SpecDeviceRule } from "../core/runtime-spec.ts";
import { asSysError, hasErrno } from "../sys/errno.ts";
import { isCdiName } from "./cdi/name.ts";
import type { SpecOption } from "./spec-input.ts";
import { linuxOf, resourcesOf } from "./spec-parts.ts";

/** Directories below /dev that belong to a mount of their own, or to somebody's container (lxc, lxd, udev). */
const SKIPPED_DIRECTORIES = ["pts", "shm", "fd", "mqueue", ".lxc", ".lxd-mounts", ".udev"];

/** null zero full tty random urandom console pts/* ptmx: what every container has, by number. */
const DEFAULT_NODES: readonly (readonly [major: number, minor?: number])[] = [
  [1, 3],
  [1, 8],
  [1, 7],
  [5, 0],
  [1, 5],
  [1, 9],
  [5, 1],
  [136],
  [5, 2],
];

export const defaultDeviceRules = (): SpecDeviceRule[] =>
  DEFAULT_NODES.map(([major, minor]) => allow("c", major, minor));

export const withDefaultDeviceRules: SpecOption = (spec) => {
  const resources = resourcesOf(spec);
  resources.devices = [...(resources.devices ?? []), ...defaultDeviceRules()];
};

export const withDevices: SpecOption = (spec, { input }) => {
  for (const path of input.devices ?? []) {
    if (isCdiName(path)) continue;
    const found = findDevices(path);
    const linux = linuxOf(spec);
    const resources = resourcesOf(spec);
    linux.devices = [...(linux.devices ?? []), ...found];
    const rules = found.map(({ type, major, minor }) => allow(type, major, minor));
    resources.devices = [...(resources.devices ?? []), ...rules];
  }
};

export const withCdiDevices: SpecOption = async (spec, { input }) => {
  const candidates = (input.devices ?? []).filter(isCdiName);
  const { gpus = [] } = input;
  if (candidates.length === 0 && gpus.length === 0) return;
  const { injectCdiDevices } = await import("./cdi/inject.ts");
  await injectCdiDevices(spec, candidates, gpus);
};

function allow(type: string, major: number, minor?: number): SpecDeviceRule {
  return { allow: true, type, major, ...(minor === undefined ? {} : { minor }), access: "rwm" };
}

/**
 * The device at `path` (through a link, under the name given), or all devices below a directory, in name order.
 * Throws NotFound, or InvalidArgument for what is no device.
 */
export function findDevices(path: string): SpecDevice[] {
  const found = statGiven(path);
  return found.isDirectory() ? devicesBelow(path) : [requireDevice(path, found)];
}

/** As `findDevices`, of one that must be no directory. */
export function findDevice(path: string): SpecDevice {
  return requireDevice(path, statGiven(path));
}

function requireDevice(path: string, found: Stats): SpecDevice {
  const device = asDevice(path, found);
  if (device) return device;
  throw new CtrError("InvalidArgument", `device path ${JSON.stringify(path)} is not a device node`);
}

function statGiven(path: string): Stats {
  try {
    return statSync(path);
  } catch (error) {
    const failure = asSysError(error, path);
    if (!(failure instanceof CtrError)) throw failure;
    throw new CtrError(failure.code, "error stating device path", { cause: failure });
  }
}

/** Synchronous: /dev is in memory, and a hundred waits for the thread pool take milliseconds. */
function devicesBelow(directory: string): SpecDevice[] {
  const entries = readdirSync(directory, { withFileTypes: true });
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  const devices: SpecDevice[] = [];
  for (const entry of entries) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) {
      if (!SKIPPED_DIRECTORIES.includes(entry.name)) devices.push(...devicesBelow(path));
    } else if (entry.name !== "console") {
      const device = deviceIfThere(path);
      if (device && device.type !== "p") devices.push(device);
    }
  }
  return devices;
}

/** Hot-plugged devices come and go while we walk. */
function deviceIfThere(path: string): SpecDevice | undefined {
  try {
    return asDevice(path, lstatSync(path));
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return undefined;
    throw asSysError(error, path);
  }
}

function asDevice(path: string, found: Stats): SpecDevice | undefined {
  const type = deviceType(found);
  if (type === undefined) return undefined;
  const { mode, uid, gid, rdev } = found;
  return { path, type, ...splitDeviceNumber(type === "p" ? 0 : rdev), fileMode: mode & 0o7777, uid, gid };
}

function deviceType(found: Stats): SpecDevice["type"] | undefined {
  if (found.isBlockDevice()) return "b";
  if (found.isCharacterDevice()) return "c";
  return found.isFIFO() ? "p" : undefined;
}

/** As the kernel packs `rdev` for user space: 12 bits of major, 8 and 12 of minor around them (linux/kdev_t.h). */
function splitDeviceNumber(rdev: number): { major: number; minor: number } {
  return { major: (rdev >>> 8) & 0xfff, minor: (rdev & 0xff) | ((rdev >>> 12) & 0xfff00) };
}
