import { existsSync } from "node:fs";

/**
 * `path` with the sbin beside each bin that it has, at the end: cron and su leave them out, and that is where criu,
 * iptables and on some systems runc are.
 */
export function withSystemPrograms(path: string): string {
  const directories = path.split(":");
  const beside = directories
    .filter((name) => name.endsWith("/bin"))
    .map((name) => name.replace(/bin$/, "sbin"));
  return [...new Set([...directories, ...beside.filter((name) => existsSync(name))])].join(":");
}
