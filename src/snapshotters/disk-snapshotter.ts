import type { SnapshotSweeper } from "../core/collector.ts";
import { CtrError, hasCode, ifPresent, withSubject } from "../core/errors.ts";
import { type Labels, labelNames } from "../core/labels.ts";
import type { Mount } from "../core/mount.ts";
import type { SnapshotRecord, SnapshotRecordStore } from "../core/records.ts";
import type {
  CommitOptions,
  PrepareOptions,
  SnapshotInfo,
  Snapshotter,
  SnapshotUsage,
} from "../core/snapshotter.ts";
import { holdOffCollector } from "../files/collection-lock.ts";
import { makeDirectoryDurably } from "../files/durable.ts";
import type { SnapshotDirectories } from "./snapshot-directories.ts";
import type { OwnerMapping, SnapshotStorage, StoredSnapshot } from "./storage.ts";

/** Touches nothing on disk until it is used. */
export function openDiskSnapshotter(
  storage: SnapshotStorage,
  root: string,
  records: SnapshotRecordStore,
): Snapshotter {
  return new DiskSnapshotter(storage, root, records);
}

/** What the collector removes of a storage's snapshots, whatever their namespace. */
export function openDiskSweeper({ name, directories }: SnapshotStorage): SnapshotSweeper {
  return {
    snapshotter: name,
    directoryIds: async () => directories.ids(),
    setAside: async (ids) => {
      for (const id of ids) directories.setAside(id);
    },
    purge: async () => directories.purge(),
  };
}

type Draft = Omit<Parameters<SnapshotRecordStore["create"]>[0], "directoryId">;

/** Names in the database, bytes in a storage, and the order in which the two change. */
class DiskSnapshotter implements Snapshotter {
  readonly name: string;
  readonly #storage: SnapshotStorage;
  readonly #root: string;
  readonly #records: SnapshotRecordStore;
  readonly #directories: SnapshotDirectories;
  /** What is below those that were put above others, and have no parent until they are committed. */
  readonly #stacked = new Map<string, readonly SnapshotRecord[]>();
  /** Not begun yet. */
  #nextSync: Promise<void> | undefined;
  readonly putAbove: Snapshotter["putAbove"];
  readonly sync: Snapshotter["sync"];
  readonly setAside: Snapshotter["setAside"];

  constructor(storage: SnapshotStorage, root: string, records: SnapshotRecordStore) {
    this.name = storage.name;
    this.#storage = storage;
    this.#directories = storage.directories;
    this.#root = root;
    this.#records = records;
    if (storage.putAbove) {
      this.putAbove = (key, parent) => this.#stack(key, parent);
      this.sync = (key) => this.#syncWithOthers(key);
    }
    if (storage.directories.arePlain) this.setAside = (key) => this.#removeName(key);
  }

  get maxDepth(): number | undefined {
    return this.#storage.maxDepth;
  }

  canRemap(): boolean {
    return this.#storage.canRemap();
  }

  async stat(key: string): Promise<SnapshotInfo> {
    return infoOf(this.#records.get(key));
  }

  async label(key: string, labels: Labels): Promise<SnapshotInfo> {
    return infoOf(this.#records.label(key, labels));
  }

  async usage(key: string): Promise<SnapshotUsage> {
    const { kind, sizeBytes = 0, inodes = 0 } = this.#records.get(key);
    return kind === "Active" ? this.#measure(key) : { sizeBytes, inodes };
  }

  async mounts(key: string): Promise<Mount[]> {
    const chain = this.#records.chain(key);
    const record = chain.at(-1)!;
    if (record.kind === "Committed") {
      const why = new CtrError("FailedPrecondition", `requested snapshot ${key} not active or view`);
      throw withSubject("failed to get active mount", why);
    }
    // After a power cut the row may be there without its directory, which nobody had synced.
    const stored = storedSnapshot(record, chain.slice(0, -1));
    if (!this.#directories.hasFiles(record.directoryId)) this.#storage.make(stored);
    return this.#storage.mounts(stored);
  }

  prepare(key: string, parent: string, options: PrepareOptions = {}): Promise<Mount[]> {
    const { labels = {}, isApart = false } = options;
    const chainId = labels[labelNames.snapshotRef] ?? "";
    if (chainId !== "" && !isApart) this.#offerShared(chainId, parent, labels);
    return this.#create({ kind: "Active", key, parent, chainId, labels }, isApart);
  }

  view(key: string, parent: string, { labels = {} }: PrepareOptions = {}): Promise<Mount[]> {
    return this.#create({ kind: "View", key, parent, chainId: "", labels });
  }

  async commit(name: string, key: string, options: CommitOptions = {}): Promise<void> {
    const { labels = {}, parent, isDurable = false } = options;
    const { directoryId, kind } = this.#records.get(key);
    if (kind === "Active" && !isDurable) this.#directories.sync(directoryId);
    if (parent !== undefined) this.#records.rebase(key, parent);
    this.#stacked.delete(key);
    const usage = this.#measure(key);
    const lostDirectoryId = this.#lostDirectoryOf(name);
    if (lostDirectoryId === undefined) this.#records.commit(name, key, { labels, ...usage });
    else this.#records.restore(name, key, { lostDirectoryId, ...usage });
  }

  async remove(key: string): Promise<void> {
    const { directoryId, inUse } = this.#deleteRecord(key);
    if (!inUse) this.#directories.remove(directoryId);
  }

  async isIntact(key: string): Promise<boolean> {
    return this.#records.chain(key).every(({ directoryId }) => this.#directories.hasFiles(directoryId));
  }

  async *walk(filters?: readonly string[]): AsyncGenerator<SnapshotInfo> {
    for (const record of this.#records.list(filters)) yield infoOf(record);
  }

  async #removeName(key: string): Promise<string | undefined> {
    const { directoryId, inUse } = this.#deleteRecord(key);
    return inUse ? undefined : this.#directories.setAside(directoryId);
  }

  async #stack(key: string, parent: string): Promise<Mount[]> {
    const record = this.#records.get(key);
    if (record.kind !== "Active" || record.parent !== "" || this.#stacked.has(key)) {
      throw new CtrError("FailedPrecondition", `snapshot ${JSON.stringify(key)} is not apart`);
    }
    const below = this.#parents(parent);
    if (below.at(-1)!.kind === "View") {
      throw new CtrError("FailedPrecondition", `parent ${JSON.stringify(parent)} is a view`);
    }
    const parents = [...(this.#stacked.get(parent) ?? []), ...below];
    const stored = storedSnapshot(record, parents);
    this.#storage.putAbove!(stored);
    this.#stacked.set(key, parents);
    return this.#storage.mounts(stored);
  }

  #syncWithOthers(key: string): Promise<void> {
    const { directoryId } = this.#records.get(key);
    const begin = async () => {
      await new Promise((resolve) => setImmediate(resolve));
      this.#nextSync = undefined;
      this.#directories.sync(directoryId);
    };
    this.#nextSync ??= begin();
    return this.#nextSync;
  }

  /**
   * On a full disk not even a removal can be noted. An active snapshot is nobody else's and has no children, so its
   * bytes may go first; were we killed then, `mounts` would find it empty.
   */
  #deleteRecord(key: string): { directoryId: number; inUse: boolean } {
    this.#stacked.delete(key);
    try {
      return this.#records.delete(key);
    } catch (error) {
      const { kind, directoryId } = this.#records.get(key);
      if (!hasCode(error, "ResourceExhausted") || kind !== "Active") throw error;
      this.#directories.remove(directoryId);
      return this.#records.delete(key);
    }
  }

  #lostDirectoryOf(name: string): number | undefined {
    const record = ifPresent(() => this.#records.get(name));
    const isLost = record?.kind === "Committed" && !this.#directories.hasFiles(record.directoryId);
    return isLost ? record.directoryId : undefined;
  }

  #measure(key: string): SnapshotUsage {
    const chain = this.#records.chain(key);
    return this.#storage.usage(storedSnapshot(chain.at(-1)!, chain.slice(0, -1)));
  }

  /** The directory comes before the row; the collector, for which it is litter until then, waits meanwhile. */
  async #create(draft: Draft, isApart = false): Promise<Mount[]> {
    const { kind, parent, labels } = draft;
    const parents = parent === "" ? [] : this.#parents(parent);
    makeDirectoryDurably(this.#root, 0o700);
    using _ = await holdOffCollector(this.#root);
    const directoryId = this.#records.nextDirectoryId();
    try {
      const stored = { ...storedSnapshot({ kind, directoryId, labels }, parents), isApart };
      // A power cut can take back the id and leave what was written under it.
      if (this.#directories.exists(directoryId)) this.#directories.remove(directoryId);
      this.#storage.make(stored);
      const mounts = this.#storage.mounts(stored);
      this.#records.create({ ...draft, directoryId });
      return mounts;
    } catch (error) {
      this.#directories.remove(directoryId);
      throw error;
    }
  }

  #parents(parent: string): SnapshotRecord[] {
    try {
      return this.#records.chain(parent);
    } catch (error) {
      if (!hasCode(error, "NotFound")) throw error;
      throw new CtrError("NotFound", `parent snapshot ${parent} does not exist`);
    }
  }

  /** Throws AlreadyExists when another namespace has that chain, which then is here too. */
  #offerShared(chainId: string, parent: string, labels: Labels): void {
    const shared = this.#records.shareable(chainId);
    if (shared === undefined || !this.#directories.hasFiles(shared.directoryId)) return;
    // It may have been removed since it was found.
    if (ifPresent(() => this.#records.share(shared, chainId, parent, labels))) {
      throw new CtrError("AlreadyExists", `target snapshot ${JSON.stringify(chainId)}`);
    }
  }
}

function storedSnapshot(
  { kind, directoryId, labels }: Pick<SnapshotRecord, "kind" | "directoryId" | "labels">,
  parents: readonly SnapshotRecord[],
): StoredSnapshot {
  const parentIds = parents.map((parent) => parent.directoryId).reverse();
  return { kind, id: directoryId, parentIds, owners: ownersOf(labels) };
}

/** Maps users alone, or groups alone, count for nothing. */
function ownersOf(labels: Labels): OwnerMapping | undefined {
  const uidMaps = labels[labelNames.snapshotUidMapping];
  const gidMaps = labels[labelNames.snapshotGidMapping];
  return uidMaps && gidMaps ? { uidMaps: uidMaps.split(","), gidMaps: gidMaps.split(",") } : undefined;
}

function infoOf({ key, parent, kind, labels, createdAt, updatedAt }: SnapshotRecord): SnapshotInfo {
  return { key, parent, kind, labels, createdAt, updatedAt };
}
