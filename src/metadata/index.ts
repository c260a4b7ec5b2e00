import type { Collected, CollectionPlan, NamedObject, ReferenceStep } from "../core/collector.ts";
import type { EventPublisher } from "../core/events.ts";
import type {
  ContainerStore,
  ContentRecordStore,
  ImageStore,
  LeaseStore,
  NamespaceStore,
  SnapshotRecordStore,
} from "../core/records.ts";
import type { Sweepers } from "./collect.ts";
import { Connection } from "./connection.ts";
import { createContainerStore } from "./containers.ts";
import { createContentRecordStore } from "./content.ts";
import type { Holdings } from "./holdings.ts";
import { createImageStore } from "./images.ts";
import { createLeaseStore } from "./leases.ts";
import { createNamespaceStore } from "./namespaces.ts";
import { createSnapshotRecordStore } from "./snapshots.ts";

/**
 * The database of one state directory, shared with any number of processes. What a store answered to a change is on
 * disk. Reading a namespace that does not exist finds it empty and does not make it.
 */
export interface Metadata {
  /**
   * Makes all changes of `work` one: others see all or none, and a power cut leaves all or none. Calls inside join.
   * `work` is synchronous and should be short, since every other writer waits for it.
   */
  transaction<T>(work: () => T): T;
  /**
   * Until that is disposed of, changes are seen by all but may be lost in a power cut, the last first, together with
   * what was made because of them. The first change after it takes all of them to disk before it is answered. For long
   * work whose result counts when it is complete.
   */
  deferDurability(): Disposable;
  namespaces(): NamespaceStore;
  images(namespace: string): ImageStore;
  containers(namespace: string): ContainerStore;
  content(namespace: string): ContentRecordStore;
  snapshots(namespace: string, snapshotter: string): SnapshotRecordStore;
  leases(namespace: string): LeaseStore;
  /** Removes what nothing refers to, in all namespaces; by containerd's rules (`mark.ts`). */
  collectGarbage(sweepers: Sweepers): Promise<Collected>;
  /** What `collectGarbage` would remove now; removes nothing. */
  planCollection(sweepers: Sweepers): Promise<CollectionPlan>;
  /** What keeps a thing from being collected, from the root down to it; undefined when nothing does. Throws NotFound. */
  whyKept(object: NamedObject): Promise<ReferenceStep[] | undefined>;
  /** All content and snapshots, of all namespaces. */
  holdings(): Promise<Holdings>;
  /** What SQLite finds wrong with the file, in its words; empty when it is sound. */
  faults(): Promise<string[]>;
  close(): void;
}

/**
 * Opens the database at `path` with its first use and makes it, with its directory, by the first change. What is used
 * first throws FailedPrecondition for the database of a newer ctr, DataLoss for a damaged one. Changes are published
 * once they are committed.
 */
export function openMetadata(path: string, events?: EventPublisher): Metadata {
  const connection = new Connection(path, events);
  return {
    transaction: (work) => connection.transaction(work),
    deferDurability: () => connection.deferDurability(),
    namespaces: () => createNamespaceStore(connection),
    images: (namespace) => createImageStore(connection, namespace),
    containers: (namespace) => createContainerStore(connection, namespace),
    content: (namespace) => createContentRecordStore(connection, namespace),
    snapshots: (namespace, snapshotter) => createSnapshotRecordStore(connection, namespace, snapshotter),
    leases: (namespace) => createLeaseStore(connection, namespace),
    // A command that frees nothing does not load it.
    collectGarbage: async (sweepers) => (await import("./collect.ts")).collectGarbage(connection, sweepers),
    planCollection: async (sweepers) =>
      (await import("./plan-collection.ts")).planCollection(connection, sweepers),
    whyKept: async (object) => (await import("./plan-collection.ts")).whyKept(connection, object),
    holdings: async () => (await import("./holdings.ts")).readHoldings(connection),
    faults: async () => (await import("./holdings.ts")).findFaults(connection),
    close: () => connection.close(),
  };
}
