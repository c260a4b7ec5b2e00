import { CtrError, hasCode, withSubject } from "../../core/errors.ts";
import { type Labels, labelNames, mergeLabels } from "../../core/labels.ts";
import type { Mount } from "../../core/mount.ts";
import { randomHex } from "../../core/random.ts";
import type { SnapshotRecord, SnapshotRecordStore } from "../../core/records.ts";
import type {
  CommitOptions,
  PrepareOptions,
  SnapshotInfo,
  SnapshotKind,
  Snapshotter,
  SnapshotUsage,
} from "../../core/snapshotter.ts";
import { holdOffCollector } from "../../files/collection-lock.ts";
import { makeDirectoryDurably } from "../../files/durable.ts";
import type { Plugin, PluginSnapshot } from "./plugin.ts";
import { PluginNames } from "./plugin-names.ts";
import { pluginName, removeSetAside } from "./removal.ts";
import { syncMounts } from "./sync-mounts.ts";

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
  readonly canRebase = false;
  private readonly root: string;
  private readonly namespace: string;
  private readonly records: SnapshotRecordStore;
  private readonly plugin: Plugin;
  private readonly names: PluginNames;

  constructor({ root, namespace, records, plugin }: ProxyOptions) {
    this.name = plugin.name;
    this.root = root;
    this.namespace = namespace;
    this.records = records;
    this.plugin = plugin;
    this.names = new PluginNames(root, plugin.name);
  }

  async stat(key: string): Promise<SnapshotInfo> {
    return infoOf(this.records.get(key));
  }

  async label(key: string, labels: Labels): Promise<SnapshotInfo> {
    const record = this.records.get(key);
    const told = inherited(mergeLabels(record.labels, labels));
    if (Object.keys(inherited(labels)).length > 0) await this.plugin.setLabels(this.nameOf(record), told);
    return infoOf(this.records.label(key, labels));
  }

  async usage(key: string): Promise<SnapshotUsage> {
    return this.plugin.usage(this.nameOf(this.records.get(key)));
  }

  async mounts(key: string): Promise<Mount[]> {
    const record = this.records.get(key);
    if (record.kind !== "Committed") return this.plugin.mounts(this.nameOf(record));
    const why = new CtrError(
      "FailedPrecondition",
      `requested snapshot ${JSON.stringify(key)} not active or view`,
    );
    throw withSubject("failed to get active mount", why);
  }

  async prepare(key: string, parent: string, { labels = {} }: PrepareOptions = {}): Promise<Mount[]> {
    const chainId = labels[labelNames.snapshotRef] ?? "";
    if (chainId !== "") await this.offerShared(chainId, parent, labels);
    return this.create("Active", key, parent, chainId, labels);
  }

  view(key: string, parent: string, { labels = {} }: PrepareOptions = {}): Promise<Mount[]> {
    return this.create("View", key, parent, "", labels);
  }

  async commit(name: string, key: string, { labels = {}, parent }: CommitOptions = {}): Promise<void> {
    const record = this.records.get(key);
    const lostDirectoryId = await this.lostDirectoryOf(name);
    if (record.kind !== "Active") {
      const why = new CtrError("FailedPrecondition", `snapshot ${JSON.stringify(key)} is not active`);
      throw withSubject("failed to commit snapshot", why);
    }
    const usage = await this.plugin.usage(await this.commitInPlugin(record, name, labels));
    if (lostDirectoryId === undefined) this.records.commit(name, key, { labels, parent, ...usage });
    else this.records.restore(name, key, { lostDirectoryId, ...usage });
  }

  async remove(key: string): Promise<void> {
    const { directoryId, inUse } = this.records.delete(key);
    if (!inUse) await this.discard(directoryId);
  }

  /** The plugin keeps the parents of what it has. */
  async isIntact(key: string): Promise<boolean> {
    return this.isWhole(this.records.get(key));
  }

  async *walk(filters?: readonly string[]): AsyncGenerator<SnapshotInfo> {
    for (const record of this.records.list(filters)) yield infoOf(record);
  }

  close(): Promise<void> {
    return this.plugin.close();
  }

  /** First the name on disk, then the plugin's snapshot, then the row; the collector waits meanwhile. */
  private async create(
    kind: Exclude<SnapshotKind, "Committed">,
    key: string,
    parent: string,
    chainId: string,
    labels: Labels,
  ): Promise<Mount[]> {
    this.requireFree(key);
    const parentName = parent === "" ? "" : this.nameOf(this.parent(parent));
    makeDirectoryDurably(this.root, 0o700);
    const directoryId = this.records.nextDirectoryId();
    const name = pluginName(this.namespace, directoryId, randomHex(4), key);
    try {
      using _ = await holdOffCollector(this.root);
      this.names.write(directoryId, [name]);
      const mounts = await this.createInPlugin(kind, name, parentName, labels);
      if (mounts) {
        this.records.create({ key, parent, kind, labels, directoryId, chainId });
        return mounts;
      }
      await this.adopt(chainId, parentName, { parent, labels, directoryId });
    } catch (error) {
      await this.discard(directoryId);
      throw error;
    }
    throw new CtrError("AlreadyExists", `target snapshot ${JSON.stringify(chainId)}`);
  }

  /** Nothing when the plugin offers the committed snapshot instead, as remote snapshotters do. */
  private async createInPlugin(
    kind: SnapshotKind,
    name: string,
    parent: string,
    labels: Labels,
  ): Promise<Mount[] | undefined> {
    if (kind === "View") return this.plugin.view(name, parent, inherited(labels));
    try {
      return await this.plugin.prepare(name, parent, inherited(labels));
    } catch (error) {
      if (!hasCode(error, "AlreadyExists") || !labels[labelNames.snapshotRef]) throw error;
      return undefined;
    }
  }

  /** What a plugin offers it has committed under a name of its own choice, with the label that asked for it. */
  private async adopt(
    chainId: string,
    parentName: string,
    { parent, labels, directoryId }: { parent: string; labels: Labels; directoryId: number },
  ): Promise<void> {
    const isOffered = (snapshot: PluginSnapshot) =>
      snapshot.kind === "Committed" &&
      snapshot.labels[labelNames.snapshotRef] === chainId &&
      snapshot.parent === parentName;
    const filter = `labels.${JSON.stringify(labelNames.snapshotRef)}==${chainId},parent==${JSON.stringify(parentName)}`;
    const offered = (await this.plugin.list([filter])).find(isOffered);
    if (!offered) throw new CtrError("NotFound", `snapshotter ${this.name}: offered snapshot ${chainId}`);
    this.names.write(directoryId, [offered.name]);
    const all = { ...offered.labels, ...labels };
    this.records.create({ key: chainId, parent, kind: "Committed", labels: all, directoryId, chainId });
  }

  /** One who was killed between the plugin's commit and the row's has left the first to us. */
  private async commitInPlugin(record: SnapshotRecord, name: string, labels: Labels): Promise<string> {
    const { directoryId } = record;
    const active = this.nameOf(record);
    const [, committed] = this.names.read(directoryId);
    if (committed !== undefined && (await this.isInPlugin(committed))) return committed;
    syncMounts(await this.plugin.mounts(active));
    const newName = pluginName(this.namespace, directoryId, randomHex(4), name);
    {
      using _ = await holdOffCollector(this.root);
      this.names.write(directoryId, [active, newName]);
    }
    await this.plugin.commit(newName, active, inherited(labels));
    return newName;
  }

  /** Throws AlreadyExists when another namespace has that chain, which then is here too. */
  private async offerShared(chainId: string, parent: string, labels: Labels): Promise<void> {
    const shared = this.records.shareable(chainId);
    if (shared === undefined || !(await this.isWhole(shared))) return;
    try {
      this.records.share(shared, chainId, parent, labels);
    } catch (error) {
      // Removed since it was found.
      if (hasCode(error, "NotFound")) return;
      throw error;
    }
    throw new CtrError("AlreadyExists", `target snapshot ${JSON.stringify(chainId)}`);
  }

  /** Of a committed snapshot that the plugin lost. Throws AlreadyExists for a name taken by any other. */
  private async lostDirectoryOf(name: string): Promise<number | undefined> {
    const taken = this.find(name);
    if (!taken) return undefined;
    if (taken.kind === "Committed" && !(await this.isWhole(taken))) return taken.directoryId;
    throw new CtrError("AlreadyExists", `snapshot ${JSON.stringify(name)}`);
  }

  private async isWhole(record: SnapshotRecord): Promise<boolean> {
    return this.isInPlugin(this.nameOf(record));
  }

  private async isInPlugin(name: string): Promise<boolean> {
    if (name === "") return false;
    try {
      await this.plugin.stat(name);
      return true;
    } catch (error) {
      if (hasCode(error, "NotFound")) return false;
      throw error;
    }
  }

  /** What the plugin does not remove now the collector will. */
  private async discard(directoryId: number): Promise<void> {
    const { root, names, plugin } = this;
    names.setAside(directoryId);
    await removeSetAside({ root, names, plugin }, [directoryId]);
  }

  private parent(key: string): SnapshotRecord {
    const record = this.find(key);
    if (!record) throw new CtrError("NotFound", `parent snapshot ${key} does not exist`);
    if (record.kind === "Committed") return record;
    throw new CtrError("FailedPrecondition", `parent ${JSON.stringify(key)} is not committed snapshot`);
  }

  private requireFree(key: string): void {
    if (this.find(key)) throw new CtrError("AlreadyExists", `snapshot ${JSON.stringify(key)}`);
  }

  private find(key: string): SnapshotRecord | undefined {
    try {
      return this.records.get(key);
    } catch (error) {
      if (hasCode(error, "NotFound")) return undefined;
      throw error;
    }
  }

  /** Empty, which names nothing, when its file is gone. */
  private nameOf({ kind, directoryId }: SnapshotRecord): string {
    const names = this.names.read(directoryId);
    return (kind === "Committed" ? names.at(-1) : names[0]) ?? "";
  }
}

/** The labels that are for the snapshotter, by containerd's rule; the others stay in the database. */
function inherited(labels: Labels): Labels {
  const isInherited = (label: string) =>
    label === labelNames.snapshotRef || label.startsWith("containerd.io/snapshot/");
  return Object.fromEntries(Object.entries(labels).filter(([label]) => isInherited(label)));
}

function infoOf({ key, parent, kind, labels, createdAt, updatedAt }: SnapshotRecord): SnapshotInfo {
  return { key, parent, kind, labels, createdAt, updatedAt };
}
