import { CtrError, ifPresent, withSubject } from "../../core/errors.ts";
import { type Labels, labelNames, mergeLabels } from "../../core/labels.ts";
import type { Mount } from "../../core/mount.ts";
import type { SnapshotRecord, SnapshotRecordStore } from "../../core/records.ts";
import type {
  CommitOptions,
  PrepareOptions,
  SnapshotInfo,
  Snapshotter,
  SnapshotUsage,
} from "../../core/snapshotter.ts";
import { holdOffCollector } from "../../files/collection-lock.ts";
import { makeDirectoryDurably } from "../../files/durable.ts";
import type { Plugin } from "./plugin.ts";
import { inherited, PluginSnapshots } from "./plugin-snapshots.ts";

export interface ProxyOptions {
  /** The state directory. */
  root: string;
  namespace: string;
  /** Of the namespace and the snapshotter. */
  records: SnapshotRecordStore;
  plugin: Plugin;
}

/**
 * Snapshots kept by another program. The tree of names is in our database; the plugin has names of its own for them
 * (`PluginNames`), so that namespaces cannot meet there. Asks the plugin only for what it alone knows.
 */
export function openProxy(options: ProxyOptions): Snapshotter {
  return new Proxied(options);
}

class Proxied implements Snapshotter {
  readonly name: string;
  readonly #root: string;
  readonly #records: SnapshotRecordStore;
  readonly #plugin: Plugin;
  readonly #held: PluginSnapshots;

  constructor(options: ProxyOptions) {
    this.name = options.plugin.name;
    this.#root = options.root;
    this.#records = options.records;
    this.#plugin = options.plugin;
    this.#held = new PluginSnapshots(options);
  }

  async stat(key: string): Promise<SnapshotInfo> {
    return infoOf(this.#records.get(key));
  }

  async label(key: string, labels: Labels): Promise<SnapshotInfo> {
    const record = this.#records.get(key);
    if (Object.keys(inherited(labels)).length > 0) {
      await this.#held.setLabels(record, mergeLabels(record.labels, labels));
    }
    return infoOf(this.#records.label(key, labels));
  }

  /** A plugin would have to say so. */
  canRemap(): boolean {
    return false;
  }

  async usage(key: string): Promise<SnapshotUsage> {
    return this.#held.usage(this.#records.get(key));
  }

  async mounts(key: string): Promise<Mount[]> {
    const record = this.#records.get(key);
    if (record.kind !== "Committed") return this.#held.mounts(record);
    const why = new CtrError(
      "FailedPrecondition",
      `requested snapshot ${JSON.stringify(key)} not active or view`,
    );
    throw withSubject("failed to get active mount", why);
  }

  async prepare(key: string, parent: string, { labels = {} }: PrepareOptions = {}): Promise<Mount[]> {
    const chainId = labels[labelNames.snapshotRef] ?? "";
    if (chainId !== "") await this.#offerShared(chainId, parent, labels);
    return this.#create("Active", key, parent, chainId, labels);
  }

  view(key: string, parent: string, { labels = {} }: PrepareOptions = {}): Promise<Mount[]> {
    return this.#create("View", key, parent, "", labels);
  }

  async commit(name: string, key: string, { labels = {} }: CommitOptions = {}): Promise<void> {
    const record = this.#records.get(key);
    const lostDirectoryId = await this.#lostDirectoryOf(name);
    if (record.kind !== "Active") {
      const why = new CtrError("FailedPrecondition", `snapshot ${JSON.stringify(key)} is not active`);
      throw withSubject("failed to commit snapshot", why);
    }
    const usage = await this.#held.commit(record, name, labels);
    if (lostDirectoryId === undefined) this.#records.commit(name, key, { labels, ...usage });
    else this.#records.restore(name, key, { lostDirectoryId, ...usage });
  }

  async remove(key: string): Promise<void> {
    const { directoryId, inUse } = this.#records.delete(key);
    if (!inUse) await this.#held.discard(directoryId);
  }

  /** The plugin keeps the parents of what it has. */
  async isIntact(key: string): Promise<boolean> {
    return this.#held.has(this.#records.get(key));
  }

  async *walk(filters?: readonly string[]): AsyncGenerator<SnapshotInfo> {
    for (const record of this.#records.list(filters)) yield infoOf(record);
  }

  close(): Promise<void> {
    return this.#plugin.close();
  }

  /** First the name on disk, then the plugin's snapshot, then the row; the collector waits meanwhile. */
  async #create(
    kind: "Active" | "View",
    key: string,
    parent: string,
    chainId: string,
    labels: Labels,
  ): Promise<Mount[]> {
    this.#requireFree(key);
    const parentName = parent === "" ? "" : this.#held.nameOf(this.#parent(parent));
    makeDirectoryDurably(this.#root, 0o700);
    const directoryId = this.#records.nextDirectoryId();
    const row = { parent, directoryId, chainId };
    try {
      using _ = await holdOffCollector(this.#root);
      const made = await this.#held.create({ kind, id: directoryId, key, parentName, labels });
      if ("mounts" in made) {
        this.#records.create({ ...row, key, kind, labels });
        return made.mounts;
      }
      const all = { ...made.offered, ...labels };
      this.#records.create({ ...row, key: chainId, kind: "Committed", labels: all });
    } catch (error) {
      await this.#held.discard(directoryId);
      throw error;
    }
    throw new CtrError("AlreadyExists", `target snapshot ${JSON.stringify(chainId)}`);
  }

  /** Throws AlreadyExists when another namespace has that chain, which then is here too. */
  async #offerShared(chainId: string, parent: string, labels: Labels): Promise<void> {
    const shared = this.#records.shareable(chainId);
    if (shared === undefined || !(await this.#held.has(shared))) return;
    // It may have been removed since it was found.
    if (ifPresent(() => this.#records.share(shared, chainId, parent, labels))) {
      throw new CtrError("AlreadyExists", `target snapshot ${JSON.stringify(chainId)}`);
    }
  }

  /** Of a committed snapshot that the plugin lost. Throws AlreadyExists for a name taken by any other. */
  async #lostDirectoryOf(name: string): Promise<number | undefined> {
    const taken = this.#find(name);
    if (!taken) return undefined;
    if (taken.kind === "Committed" && !(await this.#held.has(taken))) return taken.directoryId;
    throw new CtrError("AlreadyExists", `snapshot ${JSON.stringify(name)}`);
  }

  #parent(key: string): SnapshotRecord {
    const record = this.#find(key);
    if (!record) throw new CtrError("NotFound", `parent snapshot ${key} does not exist`);
    if (record.kind === "Committed") return record;
    throw new CtrError("FailedPrecondition", `parent ${JSON.stringify(key)} is not committed snapshot`);
  }

  #requireFree(key: string): void {
    if (this.#find(key)) throw new CtrError("AlreadyExists", `snapshot ${JSON.stringify(key)}`);
  }

  #find(key: string): SnapshotRecord | undefined {
    return ifPresent(() => this.#records.get(key));
  }
}

function infoOf({ key, parent, kind, labels, createdAt, updatedAt }: SnapshotRecord): SnapshotInfo {
  return { key, parent, kind, labels, createdAt, updatedAt };
}
