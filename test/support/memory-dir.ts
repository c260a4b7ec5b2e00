import { mountAt } from "../../src/sys/mount.ts";
import { type TempDir, tempDir } from "./temp.ts";

/**
 * A `tempDir` on a tmpfs of its own: for tests that make thousands of files, that mount (propagation private, so that
 * nobody else sees it), or that fill the disk. `sizeBytes` is all there is room for.
 */
export function memoryDir(sizeBytes = 64 << 20): TempDir {
  const dir = tempDir();
  mountAt({ type: "tmpfs", source: "tmpfs", options: [`size=${sizeBytes}`, "rprivate"] }, dir.path);
  return dir;
}
