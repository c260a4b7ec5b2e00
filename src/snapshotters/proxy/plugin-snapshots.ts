import { hasCode, ifPresent } from "../../core/errors.ts";
import { type Labels, labelNames } from "../../core/labels.ts";
import type { Mount } from "../../core/mount.ts";
import { randomHex } from "../../core/random.ts";
import type { SnapshotRecord } from "../../core/records.ts";
import type { SnapshotKind, SnapshotUsage } from "../../core/snapshotter.ts";
import { holdOffCollector } from "../../files/collection-lock.ts";
import type { Plugin, PluginSnapshot } from "./plugin.ts";
import { PluginNames } from "./plugin-names.ts";
import { pluginName, removeSetAside } from "./removal.ts";
import { syncMounts } from "./sync-mounts.ts";

export interface PluginSnapshotsOptions {
  /** The state directory. */
  root: string;
  namespace: string;
  plugin: Plugin;
}

/** A snapshot to be made under a directory id not used before. */
export interface NewPluginSnapshot {
  kind: Exclude<SnapshotKind, "Committed">;
  id: number;
  key: string;
  /** The plugin's name for it, empty for none. */
  parentName: string;
  labels: Labels;
}

/** Of a plugin whose offers vanish before they can be taken. */
const OFFERS_TRIED = 5;

/** Our snapshots in a plugin: what it calls them, and the order of steps that leaves nothing there unknown to us. */
export class PluginSnapshots {
  readonly #root: string;
  readonly #namespace: string;
  readonly #plugin: Plugin;
  readonly #names: PluginNames;

  constructor({ root, namespace, plugin }: PluginSnapshotsOptions) {
    this.#root = root;
    this.#namespace = namespace;
    this.#plugin = plugin;
    this.#names = new PluginNames(root, plugin.name);
  }

  /** Empty, which names nothing, when its file is gone. */
  nameOf({ kind, directoryId }: Pick<SnapshotRecord, "kind" | "directoryId">): string {
    const names = this.#names.read(directoryId);
    return (kind === "Committed" ? names.at(-1) : names[0]) ?? "";
  }

  has(record: SnapshotRecord): Promise<boolean> {
    return this.#hasName(this.nameOf(record));
  }

  mounts(record: SnapshotRecord): Promise<Mount[]> {
    return this.#plugin.mounts(this.nameOf(record));
  }

  usage(record: SnapshotRecord): Promise<SnapshotUsage> {
    return this.#plugin.usage(this.nameOf(record));
  }

  /** Those that are for the snapshotter; they replace those it had. */
  setLabels(record: SnapshotRecord, labels: Labels): Promise<void> {
    return this.#plugin.setLabels(this.nameOf(record), inherited(labels));
  }

  /**
   * Its mounts; or, where the plugin offers the committed snapshot meant by `containerd.io/snapshot.ref` instead, as
   * remote snapshotters do, that one's labels: it then has the id. An offer that stands on another parent, which is
   * about to go, is none. With the collector held off.
   */
  async create(wanted: NewPluginSnapshot): Promise<{ mounts: Mount[] } | { offered: Labels }> {
    const { id, key, parentName, labels } = wanted;
    const name = pluginName(this.#namespace, id, randomHex(4), key);
    this.#names.write(id, [name]);
    for (let attempt = 0; attempt < OFFERS_TRIED; attempt++) {
      const mounts = await this.#createUnlessOffered(wanted, name);
      if (mounts) return { mounts };
      const offered = await this.#findOffered(labels[labelNames.snapshotRef] ?? "", parentName);
      // Gone already when another namespace has given it up.
      if (!offered) continue;
      this.#names.write(id, [offered.name]);
      return { offered: offered.labels };
    }
    const { [labelNames.snapshotRef]: _, ...unasked } = labels;
    return { mounts: await this.#create({ ...wanted, labels: unasked }, name) };
  }

  /** One who was killed between the plugin's commit and the row's has left the first to us. */
  async commit(record: SnapshotRecord, name: string, labels: Labels): Promise<SnapshotUsage> {
    const { directoryId } = record;
    const active = this.nameOf(record);
    const [, committed] = this.#names.read(directoryId);
    if (committed !== undefined && (await this.#hasName(committed))) return this.#plugin.usage(committed);
    syncMounts(await this.#plugin.mounts(active));
    const newName = pluginName(this.#namespace, directoryId, randomHex(4), name);
    {
      using _ = await holdOffCollector(this.#root);
      this.#names.write(directoryId, [active, newName]);
    }
    await this.#plugin.commit(newName, active, inherited(labels));
    return this.#plugin.usage(newName);
  }

  /** What the plugin does not remove now the collector will. */
  async discard(id: number): Promise<void> {
    this.#names.setAside(id);
    const context = { root: this.#root, names: this.#names, plugin: this.#plugin, withOffered: false };
    await removeSetAside(context, [id]);
  }

  async #createUnlessOffered(wanted: NewPluginSnapshot, name: string): Promise<Mount[] | undefined> {
    try {
      return await this.#create(wanted, name);
    } catch (error) {
      const isAsked = wanted.kind === "Active" && wanted.labels[labelNames.snapshotRef];
      if (hasCode(error, "AlreadyExists") && isAsked) return undefined;
      throw error;
    }
  }

  #create({ kind, parentName, labels }: NewPluginSnapshot, name: string): Promise<Mount[]> {
    const forPlugin = inherited(labels);
    return kind === "View"
      ? this.#plugin.view(name, parentName, forPlugin)
      : this.#plugin.prepare(name, parentName, forPlugin);
  }

  /** Committed under a name of the plugin's choice, with the label that asked for it. */
  async #findOffered(chainId: string, parentName: string): Promise<PluginSnapshot | undefined> {
    const parent = `parent==${JSON.stringify(parentName)}`;
    const found = await this.#plugin.list([
      `labels.${JSON.stringify(labelNames.snapshotRef)}==${chainId},${parent}`,
    ]);
    // A plugin may know no filters.
    return found.find(
      (snapshot) =>
        snapshot.kind === "Committed" &&
        snapshot.labels[labelNames.snapshotRef] === chainId &&
        snapshot.parent === parentName,
    );
  }

  async #hasName(name: string): Promise<boolean> {
    return name !== "" && (await ifPresent(() => this.#plugin.stat(name))) !== undefined;
  }
}

/** The labels that are for the snapshotter, by containerd's rule; the others stay in the database. */
export function inherited(labels: Labels): Labels {
  const isInherited = (label: string) =>
    label === labelNames.snapshotRef || label.startsWith("containerd.io/snapshot/");
  return Object.fromEntries(Object.entries(labels).filter(([label]) => isInherited(label)));
}
