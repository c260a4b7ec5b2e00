import type { SnapshotSweeper } from "../core/collector.ts";
import { CtrError } from "../core/errors.ts";
import type { SnapshotRecordStore } from "../core/records.ts";
import type { Snapshotter } from "../core/snapshotter.ts";
import type { SnapshotStorage } from "./storage.ts";

export interface SnapshotterOptions {
  /** The state directory. */
  root: string;
  /** Of the namespace and the snapshotter. */
  records: SnapshotRecordStore;
}

interface SnapshotterFactory {
  open(options: SnapshotterOptions): Promise<Snapshotter>;
  openSweeper(root: string): Promise<SnapshotSweeper>;
}

/** A new snapshotter is one line here and one call of the contract suite. */
const FACTORIES: Readonly<Record<string, SnapshotterFactory>> = {
  overlayfs: onDisk(async (root) => (await import("./overlayfs/storage.ts")).openOverlayfs(root)),
  native: onDisk(async (root) => (await import("./native/storage.ts")).openNative(root)),
  btrfs: onDisk(async (root) => (await import("./btrfs/storage.ts")).openBtrfs(root)),
};

function onDisk(openStorage: (root: string) => Promise<SnapshotStorage>): SnapshotterFactory {
  return {
    async open({ root, records }) {
      const { openDiskSnapshotter } = await import("./disk-snapshotter.ts");
      return openDiskSnapshotter(await openStorage(root), root, records);
    },
    async openSweeper(root) {
      const { openDiskSweeper } = await import("./disk-snapshotter.ts");
      return openDiskSweeper(await openStorage(root));
    },
  };
}

export const snapshotterNames: readonly string[] = Object.keys(FACTORIES);

/** Throws InvalidArgument for a name that no snapshotter has. */
export async function openSnapshotter(name: string, options: SnapshotterOptions): Promise<Snapshotter> {
  const factory = Object.hasOwn(FACTORIES, name) ? FACTORIES[name] : undefined;
  if (factory === undefined) throw new CtrError("InvalidArgument", `snapshotter not loaded: ${name}`);
  return factory.open(options);
}

/** What the garbage collector needs of every snapshotter; `configFile` is where plugins are named. */
export async function openSnapshotSweepers(root: string, configFile?: string): Promise<SnapshotSweeper[]> {
  const { openProxySweepers } = await import("./proxy/sweeper.ts");
  const builtIn = Object.values(FACTORIES).map(({ openSweeper }) => openSweeper(root));
  return [...(await Promise.all(builtIn)), ...openProxySweepers(root, snapshotterNames, configFile)];
}
