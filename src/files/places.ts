/**
 * Directories that a process has for a while, for a mount or for files. Their names say whose they are: what a process
 * left that was killed is found and removed, whoever comes across it.
 */
import { mkdirSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { randomHex } from "../core/random.ts";
import { asSysError, hasErrno } from "../sys/errno.ts";
import { unmountAll } from "../sys/mount.ts";
import { isSameProcessAlive, readProcessStat } from "../sys/process.ts";
import { listNames } from "./list-names.ts";

/** An empty directory to mount at. Disposing it takes away what is mounted there, and the directory. */
export interface MountPlace extends Disposable {
  readonly path: string;
}

/** Makes one below `parent`, and removes those there whose process was killed. Throws `SysError`. */
export function claimMountPlace(parent: string): MountPlace {
  for (const place of abandonedPlaces(parent)) removeMountPlace(place);
  const path = makePlace(parent);
  return { path, [Symbol.dispose]: () => removeMountPlace(path) };
}

/**
 * Makes an empty directory below `parent`, which is passable where it has to be made: containers in user namespaces
 * reach their roots through the state directory. Throws `SysError`.
 */
export function makePlace(parent: string): string {
  const { startTicks } = readProcessStat(process.pid)!;
  const path = join(parent, `${process.pid}-${startTicks}-${randomHex(4)}`);
  try {
    mkdirSync(parent, { recursive: true, mode: 0o711 });
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    throw asSysError(error, path);
  }
  return path;
}

/** Below `parent`, those whose process is gone. */
export function abandonedPlaces(parent: string): string[] {
  const isAbandoned = (name: string) => {
    const [pid = 0, startTicks = 0] = name.split("-").map(Number);
    return !isSameProcessAlive(pid, startTicks);
  };
  return listNames(parent)
    .filter(isAbandoned)
    .map((name) => join(parent, name));
}

/** Others may remove it at the same time. */
export function removeMountPlace(place: string): void {
  unmountAll(place);
  try {
    rmdirSync(place);
  } catch (error) {
    if (!hasErrno(error, "ENOENT")) throw asSysError(error, place);
  }
}
