import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TempDir, tempDir } from "./temp.ts";

const SIZE_BYTES = 1 << 30;

/** A directory for one test that is a btrfs filesystem of its own, on a loop device over a sparse file in `place`. */
export function btrfsDir(place: () => TempDir = tempDir): TempDir {
  using cleanup = new DisposableStack();
  const outer = cleanup.use(place());
  chmodSync(outer.path, 0o755);
  const image = outer.join("image");
  const path = outer.join("mounted");
  writeFileSync(image, "");
  truncateSync(image, SIZE_BYTES);
  execFileSync("mkfs.btrfs", ["--quiet", image]);
  mkdirSync(path);
  execFileSync("mount", ["-t", "btrfs", "-o", "loop", image, path]);
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
