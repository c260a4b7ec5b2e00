import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { unmountBelow } from "./mounts.ts";

export interface TempDir extends Disposable {
  readonly path: string;
  /** A path below; its parent directories exist. */
  join(...names: string[]): string;
}

/**
 * A directory for one test: `using dir = tempDir();`. Disposing unmounts what is below, then removes it; it throws
 * and removes nothing when a mount cannot be ended, since the removal would reach across it.
 */
export function tempDir(): TempDir {
  // Short names: a unix socket's path ends at 107 bytes.
  const path = mkdtempSync(join(tmpdir(), "t-"));
  return {
    path,
    join(...names) {
      const below = join(path, ...names);
      mkdirSync(dirname(below), { recursive: true });
      return below;
    },
    [Symbol.dispose]() {
      unmountBelow(path);
      rmSync(path, { recursive: true, force: true });
    },
  };
}
