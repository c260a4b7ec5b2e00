import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";

const BLOCK_BYTES = 512;

/** Allocated bytes of everything below, hardlinks once. */
export function diskUsageBytes(directory: string): number {
  const seen = new Set<number>();
  const usage = (path: string): number => {
    const { ino, blocks, nlink } = lstatSync(path);
    if (nlink > 1 && seen.has(ino)) return 0;
    seen.add(ino);
    const below = lstatSync(path).isDirectory()
      ? readdirSync(path).map((name) => usage(join(path, name)))
      : [];
    return below.reduce((sum, bytes) => sum + bytes, blocks * BLOCK_BYTES);
  };
  return usage(directory);
}
