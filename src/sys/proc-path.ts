import type { Name } from "./libc.ts";

/** Reaches an entry of an open directory for calls that only take paths. /proc must be mounted. */
export function procPath(directoryFd: number, name: Name): Name {
  const prefix = `/proc/self/fd/${directoryFd}/`;
  return typeof name === "string" ? prefix + name : Buffer.concat([Buffer.from(prefix), name]);
}
