import { mkdirSync } from "node:fs";
import type { Mount } from "../../src/core/mount.ts";
import type { Snapshotter } from "../../src/core/snapshotter.ts";
import { mountAll, unmountAll } from "../../src/sys/mount.ts";
import type { TempDir } from "./temp.ts";
import { listTree } from "./tree.ts";

/** One snapshotter, and where its state is. */
export interface SnapshotBench {
  dir: TempDir;
  root: string;
  snapshotter: Snapshotter;
}

/** Mounts at a directory of its own meanwhile. */
export async function within<T>(
  { dir }: Pick<SnapshotBench, "dir">,
  mounts: readonly Mount[],
  use: (root: string) => T,
): Promise<T> {
  const place = dir.join(`mount-${crypto.randomUUID()}`);
  mkdirSync(place);
  mountAll(mounts, place);
  try {
    return use(place);
  } finally {
    unmountAll(place);
  }
}

/** Commits what `write` makes, and answers how the tree looked then. `isDirect` saves looking at it. */
export async function layer(
  bench: SnapshotBench,
  name: string,
  parent: string,
  write: (root: string) => void,
  { isDirect = false } = {},
): Promise<string[]> {
  const key = `key of ${name}`;
  const mounts = await bench.snapshotter.prepare(key, parent);
  const seen = await within(bench, mounts, (root) => {
    write(root);
    return isDirect ? [] : listTree(root);
  });
  await bench.snapshotter.commit(name, key);
  return seen;
}

export async function viewed<T>(bench: SnapshotBench, parent: string, use: (root: string) => T): Promise<T> {
  const key = `view-${crypto.randomUUID()}`;
  const mounts = await bench.snapshotter.view(key, parent);
  try {
    return await within(bench, mounts, use);
  } finally {
    await bench.snapshotter.remove(key);
  }
}
