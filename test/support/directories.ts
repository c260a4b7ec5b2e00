import { mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { SnapshotSweeper } from "../../src/core/collector.ts";

/** Plain directories named by their ids, swept as a snapshotter's are. */
export function openDirectories(
  root: string,
  snapshotter = "plain",
): SnapshotSweeper & { make(id: number): void } {
  const home = join(root, "snapshots", snapshotter);
  const names = () => {
    mkdirSync(home, { recursive: true });
    return readdirSync(home);
  };
  return {
    snapshotter,
    make: (id) => mkdirSync(join(home, String(id)), { recursive: true }),
    directoryIds: async () => names().map(Number).filter(Number.isInteger),
    async setAside(ids) {
      for (const id of ids) renameSync(join(home, String(id)), join(home, `removed-${id}-${process.pid}`));
    },
    async purge() {
      const removed = names().filter((name) => name.startsWith("removed-"));
      for (const name of removed) rmSync(join(home, name), { recursive: true });
      return 0;
    },
  };
}
