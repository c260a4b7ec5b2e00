import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { memoryDir } from "./memory-dir.ts";
import type { TempDir } from "./temp.ts";

/**
 * A directory for one test that is a filesystem of its own, on a loop device over a file in memory: who syncs it waits
 * neither for a disk nor for what others write.
 */
export function diskDir(type: "btrfs" | "ext4", sizeBytes = 2 ** 30): TempDir {
  using cleanup = new DisposableStack();
  const outer = cleanup.use(memoryDir(sizeBytes));
  chmodSync(outer.path, 0o755);
  const image = outer.join("image");
  const path = outer.join("mounted");
  writeFileSync(image, "");
  truncateSync(image, sizeBytes);
  execFileSync(`mkfs.${type}`, ["-q", image]);
  mkdirSync(path);
  execFileSync("mount", ["-t", type, "-o", "loop", image, path]);
  const kept = cleanup.move();
  return {
    path,
    join(...names) {
      const below = join(path, ...names);
      mkdirSync(join(below, ".."), { recursive: true });
      return below;
    },
    [Symbol.dispose]: () => kept.dispose(),
  };
}
