import { join } from "node:path";
import type { ContentStore } from "../core/content.ts";
import type { Differ } from "../core/differ.ts";
import { CtrError, withSubject } from "../core/errors.ts";
import type { EventLog } from "../core/events.ts";
import { validateIdentifier } from "../core/identifier.ts";
import type { Networks } from "../core/network.ts";
import type { ContainerStore, ImageStore, LeaseStore, NamespaceStore } from "../core/records.ts";
import type { Snapshotter } from "../core/snapshotter.ts";
import type { Tasks } from "../core/task.ts";
import { openEventLog } from "../events/index.ts";
import type { Metadata } from "../metadata/index.ts";
import { mountPlaces } from "./mount-places.ts";

export const DEFAULT_ROOT = "/var/lib/ctr";
export const DEFAULT_STATE = "/run/ctr";
export const DEFAULT_SNAPSHOTTER = "overlayfs";

export interface ClientOptions {
  /** What persists: the database, content, snapshots. */
  root?: string;
  /** What lives until the next boot: tasks and locks. */
  state?: string;
  namespace?: string;
  /** Names the snapshot plugins. Without it `/etc/ctr/config.toml`, or else containerd's own. */
  configFile?: string;
}

/**
 * One namespace of one state directory. Each part is opened, and its code loaded, when it is first asked for:
 * a command pays for what it uses.
 */
export interface Client extends AsyncDisposable {
  readonly root: string;
  readonly state: string;
  readonly namespace: string;
  readonly configFile: string | undefined;
  /** Of all namespaces. What the other parts change, they publish themselves. */
  readonly events: EventLog;
  metadata(): Promise<Metadata>;
  images(): Promise<ImageStore>;
  containers(): Promise<ContainerStore>;
  namespaces(): Promise<NamespaceStore>;
  leases(): Promise<LeaseStore>;
  content(): Promise<ContentStore>;
  /** Throws InvalidArgument for a name that no snapshotter has, neither built in nor configured. */
  snapshotter(name?: string): Promise<Snapshotter>;
  differ(): Promise<Differ>;
  tasks(): Promise<Tasks>;
  networks(): Promise<Networks>;
}

/** The only place that puts implementations together. Throws InvalidArgument for a bad namespace. */
export function openClient(options: ClientOptions = {}): Client {
  const { root = DEFAULT_ROOT, state = DEFAULT_STATE, namespace = "default", configFile } = options;
  validateNamespace(namespace);

  const events = openEventLog(state);
  const metadata = once(async () => {
    const { openMetadata } = await import("../metadata/index.ts");
    return openMetadata(join(root, "metadata.db"), events);
  });
  const content = once(async () => {
    const { openContentStore } = await import("../content/index.ts");
    return openContentStore({ root, namespace, records: (await metadata.value()).content(namespace) });
  });
  const tasks = once(async () => {
    const { openTasks } = await import("../runtime/index.ts");
    return openTasks({ root, state, namespace, cgroupSuffix: ownSuffix("@", state), events });
  });
  const networks = once(async () => {
    const { openNetworks } = await import("../network/index.ts");
    const idSuffix = ownSuffix("--", state);
    return openNetworks({ root, state, namespace, idSuffix, environment: process.env });
  });
  const threads = once(async () => {
    const { openUnpackingThreads } = await import("./unpacking-threads.ts");
    return openUnpackingThreads({ root, mountPlaces: mountPlaces({ state }) });
  });
  const differ = once(async () => {
    const { openDiffer } = await import("../diff/index.ts");
    return openDiffer({
      content: await content.value(),
      mountPlaces: mountPlaces({ state }),
      threads: await threads.value(),
    });
  });
  const snapshotters = new Map<string, Promise<Snapshotter>>();
  const openNamed = async (name: string) => {
    const { openSnapshotter, snapshotterNames } = await import("../snapshotters/index.ts");
    const records = async () => (await metadata.value()).snapshots(namespace, name);
    if (snapshotterNames.includes(name)) return openSnapshotter(name, { root, records: await records() });
    const { openConfiguredProxy } = await import("../snapshotters/proxy/index.ts");
    return openConfiguredProxy(name, { root, namespace, records: await records(), configFile });
  };

  return {
    root,
    state,
    namespace,
    configFile,
    events,
    metadata: metadata.value,
    images: async () => (await metadata.value()).images(namespace),
    containers: async () => (await metadata.value()).containers(namespace),
    namespaces: async () => (await metadata.value()).namespaces(),
    leases: async () => (await metadata.value()).leases(namespace),
    content: content.value,
    snapshotter(name = DEFAULT_SNAPSHOTTER) {
      const opened = snapshotters.get(name) ?? openNamed(name || DEFAULT_SNAPSHOTTER);
      snapshotters.set(name, opened);
      return opened;
    },
    differ: differ.value,
    tasks: tasks.value,
    networks: networks.value,
    async [Symbol.asyncDispose]() {
      for (const opened of await Promise.allSettled(snapshotters.values())) {
        if (opened.status === "fulfilled") await opened.value.close?.();
      }
      (await threads.opened())?.[Symbol.dispose]();
      (await metadata.opened())?.close();
    },
  };
}

/**
 * Keeps names that the whole machine shares apart. None in the usual place, where scripts look for containerd's names.
 * The separator is one that no identifier holds.
 */
function ownSuffix(separator: "@" | "--", state: string): string {
  return state === DEFAULT_STATE ? "" : `${separator}${Bun.hash(state).toString(16)}`;
}

function validateNamespace(namespace: string): void {
  if (namespace === "") throw new CtrError("FailedPrecondition", "namespace is required");
  try {
    validateIdentifier(namespace);
  } catch (error) {
    throw withSubject("namespace validation", error);
  }
}

function once<T>(open: () => Promise<T>): { value: () => Promise<T>; opened: () => Promise<T> | undefined } {
  let opened: Promise<T> | undefined;
  return { value: () => (opened ??= open()), opened: () => opened };
}
