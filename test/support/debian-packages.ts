import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const UNPACK = join(import.meta.dirname, "unpack-packages.sh");
/** Lists and packages come over the network. */
const PATIENCE_MS = 120_000;

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

/** Where Debian has the loader and the libraries, by Node's names of architectures. */
const PLACES: Readonly<Record<string, readonly [loader: string, libraries: string]>> = {
  x64: ["usr/lib64/ld-linux-x86-64.so.2", "usr/lib/x86_64-linux-gnu"],
  arm64: ["usr/lib/ld-linux-aarch64.so.1", "usr/lib/aarch64-linux-gnu"],
};

/**
 * Scripts in `directory` that start programs of the tree with the C library and the others that came along, for those
 * that need newer ones than the machine has. Answers `directory`, to be put on a PATH.
 */
export function wrapPrograms(tree: string, directory: string, ...programs: readonly string[]): string {
  mkdirSync(directory, { recursive: true });
  const [loader, libraries] = PLACES[process.arch]!;
  const start = `${join(tree, loader)} --library-path ${join(tree, libraries)}`;
  for (const program of programs) {
    const script = join(directory, program.split("/").at(-1)!);
    writeFileSync(script, `#!/bin/sh\nexec ${start} ${join(tree, program)} "$@"\n`);
    chmodSync(script, 0o755);
  }
  return directory;
}
