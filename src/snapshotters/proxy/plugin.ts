import type { Labels } from "../../core/labels.ts";
import type { Mount } from "../../core/mount.ts";
import type { SnapshotKind, SnapshotUsage } from "../../core/snapshotter.ts";
import { Channel, type ChannelOptions } from "./channel.ts";
import type { MethodName } from "./messages.ts";

/** What a plugin knows of a snapshot, under the plugin's own name for it. */
export interface PluginSnapshot {
  name: string;
  parent: string;
  kind: SnapshotKind | "Unknown";
  labels: Labels;
}

/** For calls that move no bytes. */
const ANSWER_TIMEOUT_MS = 60_000;
/** A layer may be copied or fetched meanwhile. */
const WORK_TIMEOUT_MS = 30 * 60_000;

/** The Snapshots service of one plugin as one namespace uses it. Fails as `Channel` says. */
export class Plugin {
  /** As configured; requests call the snapshotter so, since a plugin may serve several. */
  readonly name: string;
  readonly #options: ChannelOptions;
  readonly #namespace: string;
  readonly #channel: Channel;

  constructor(options: ChannelOptions, namespace: string, channel = new Channel(options)) {
    this.#options = options;
    this.name = options.name;
    this.#namespace = namespace;
    this.#channel = channel;
  }

  /** Over the same connection. */
  inNamespace(namespace: string): Plugin {
    return new Plugin(this.#options, namespace, this.#channel);
  }

  /** AlreadyExists with the label `containerd.io/snapshot.ref`: the plugin has the committed snapshot meant by it. */
  async prepare(key: string, parent: string, labels: Labels): Promise<Mount[]> {
    return mountsOf(await this.#ask("Prepare", { key, parent, labels }, WORK_TIMEOUT_MS));
  }

  async view(key: string, parent: string, labels: Labels): Promise<Mount[]> {
    return mountsOf(await this.#ask("View", { key, parent, labels }, WORK_TIMEOUT_MS));
  }

  async mounts(key: string): Promise<Mount[]> {
    return mountsOf(await this.#ask("Mounts", { key }));
  }

  async commit(name: string, key: string, labels: Labels): Promise<void> {
    await this.#ask("Commit", { name, key, labels }, WORK_TIMEOUT_MS);
  }

  async remove(key: string): Promise<void> {
    await this.#ask("Remove", { key }, WORK_TIMEOUT_MS);
  }

  async stat(key: string, timeoutMs?: number): Promise<PluginSnapshot> {
    return ((await this.#ask("Stat", { key }, timeoutMs)) as { info: PluginSnapshot }).info;
  }

  async setLabels(name: string, labels: Labels): Promise<void> {
    await this.#ask("Update", { info: { name, labels }, updateMask: { paths: ["labels"] } });
  }

  async usage(key: string): Promise<SnapshotUsage> {
    const { size, inodes } = (await this.#ask("Usage", { key })) as { size: number; inodes: number };
    return { sizeBytes: size, inodes };
  }

  async list(filters: readonly string[]): Promise<PluginSnapshot[]> {
    const message = { snapshotter: this.name, filters };
    const call = {
      method: "List",
      message,
      namespace: this.#namespace,
      timeoutMs: ANSWER_TIMEOUT_MS,
    } as const;
    const answers = await Array.fromAsync(this.#channel.stream(call));
    return answers.flatMap((answer) => (answer as { info: PluginSnapshot[] }).info);
  }

  /** Lets it remove what it put off. NotImplemented by plugins that put nothing off. */
  async cleanup(): Promise<void> {
    await this.#ask("Cleanup", {}, WORK_TIMEOUT_MS);
  }

  close(): Promise<void> {
    return this.#channel.close();
  }

  #ask(method: MethodName, fields: object, timeoutMs = ANSWER_TIMEOUT_MS): Promise<object> {
    const message = { snapshotter: this.name, ...fields };
    return this.#channel.ask({ method, message, namespace: this.#namespace, timeoutMs });
  }
}

/** An empty target is none. */
function mountsOf(answer: object): Mount[] {
  const { mounts } = answer as { mounts: (Mount & { target: string })[] };
  return mounts.map(({ type, source, target, options }) => {
    return target === "" ? { type, source, options } : { type, source, target, options };
  });
}
