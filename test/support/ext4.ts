import { execFileSync } from "node:child_process";
import { mkdirSync, truncateSync, writeFileSync } from "node:fs";
import { type TempDir, tempDir } from "./temp.ts";

const SIZE_BYTES = 32 << 20;

/** A directory for one test that is an ext4 filesystem of its own, on a loop device over a sparse file. */
export function ext4Dir(): TempDir {
  using cleanup = new DisposableStack();
  const outer = cleanup.use(tempDir());
  const device = outer.join("device");
  writeFileSync(device, "");
  truncateSync(device, SIZE_BYTES);
  execFileSync("mkfs.ext4", ["-q", device]);
  const path = outer.join("mounted");
  mkdirSync(path);
  execFileSync("mount", ["-t", "ext4", "-o", "loop", device, path]);
  const kept = cleanup.move();
  return {
    path,
    join: (...names) => outer.join("mounted", ...names),
    [Symbol.dispose]: () => kept.dispose(),
  };
}

/** What `chattr` has set: letters, and hyphens between them. */
export function ext4Flags(path: string): string {
  return execFileSync("lsattr", ["-d", path], { encoding: "utf8" }).split(" ")[0]!;
}
