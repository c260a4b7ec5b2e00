import { spawnSync } from "node:child_process";
import { join } from "node:path";

const UNPACK = join(import.meta.dirname, "unpack-packages.sh");
/** Lists and packages come over the network. */
const PATIENCE_MS = 240_000;

/** Where their files are, `usr/bin` and so on below it; or why they cannot be had, for a skip that says so. */
export type UnpackedPackages = { tree: string; missing?: undefined } | { tree?: undefined; missing: string };

/**
 * Debian packages of another suite than the machine's, in one tree in the user's cache: for programs newer than those
 * the machine has, which stay as they are. Their dependencies do not come along: name the libraries that they need.
 */
export function unpackPackages(suite: string, ...packages: readonly string[]): UnpackedPackages {
  const { status, stdout, stderr } = spawnSync(UNPACK, [suite, ...packages], {
    encoding: "utf8",
    timeout: PATIENCE_MS,
  });
  if (status === 0) return { tree: stdout.trim() };
  const why = stderr.trim().split("\n").at(-1) || `not unpacked within ${PATIENCE_MS} ms`;
  return { missing: `${packages.join(", ")} of Debian ${suite}: ${why}` };
}
