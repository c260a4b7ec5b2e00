import type { Descriptor } from "./descriptor.ts";
import type { Digest } from "./digest.ts";
import type { Labels } from "./labels.ts";
import type { SnapshotInfo, SnapshotKind } from "./snapshotter.ts";

/** The nouns in the database and their stores. Each store speaks for one namespace, bound when it is opened. */

export interface Image {
  name: string;
  target: Descriptor;
  labels: Labels;
  createdAt: Date;
  updatedAt: Date;
}

/** A protobuf Any, as `containers info` shows it: `value` is base64. */
export interface TypedValue {
  typeUrl: string;
  value?: string;
}

export interface Container {
  id: string;
  labels: Labels;
  /** Empty when the container was made from a rootfs directory or a spec file. */
  image: string;
  runtime: { name: string; options?: TypedValue };
  /** The OCI runtime spec, as JSON. */
  spec: object;
  snapshotKey: string;
  snapshotter: string;
  extensions: Readonly<Record<string, TypedValue>>;
  createdAt: Date;
  updatedAt: Date;
}

export interface Namespace {
  name: string;
  labels: Labels;
}

export interface Lease {
  id: string;
  labels: Labels;
  createdAt: Date;
  /** Undefined: never. */
  expiresAt?: Date;
}

/** `type` is `content`, `ingests`, `images`, or `snapshots/SNAPSHOTTER`, as in containerd. */
export interface LeaseResource {
  type: string;
  id: string;
}

export type Draft<T> = Omit<T, "createdAt" | "updatedAt">;

/**
 * The operations that images and containers share. All are synchronous: SQLite answers in microseconds, and so
 * several can stand in one transaction (`Metadata.transaction`), which is what makes them one change for everybody.
 */
export interface RecordStore<T> {
  /** Throws NotFound. */
  get(id: string): T;
  /** In id order; filters in containerd's syntax, several are OR. Throws InvalidArgument for a bad filter. */
  list(filters?: readonly string[]): T[];
  /** Throws AlreadyExists. The first write makes the namespace. */
  create(draft: Draft<T>): T;
  /** Reads, changes and writes inside one transaction: no update is lost. Throws NotFound. */
  update(id: string, change: (record: T) => Draft<T>): T;
  /** Throws NotFound. */
  delete(id: string): void;
}

export type ImageStore = RecordStore<Image>;
export type ContainerStore = RecordStore<Container>;

/** Over all namespaces. */
export interface NamespaceStore {
  list(): Namespace[];
  /** Throws AlreadyExists, InvalidArgument. */
  create(namespace: Namespace): Namespace;
  /** Merges by `mergeLabels`' rule; unknown namespaces are left alone silently, as ctr does. */
  label(name: string, labels: Labels): void;
  /**
   * Throws NotFound; FailedPrecondition naming what it still holds (`images, blobs, containers, snapshots on "…"
   * snapshotter`).
   */
  delete(name: string): void;
}

export interface LeaseStore {
  list(filters?: readonly string[]): Lease[];
  /** Makes an id when none is given. Throws AlreadyExists. */
  create(lease: { id?: string; labels?: Labels; expiresAt?: Date }): Lease;
  /** Throws NotFound. Its resources are no longer held. */
  delete(id: string): void;
  /**
   * Idempotent. Throws NotFound for the lease. What is named may not exist yet, and should not: a collection between
   * its making and its naming would take it.
   */
  addResource(id: string, ...resources: LeaseResource[]): void;
  resources(id: string): LeaseResource[];
}

/** A blob's row in one namespace. */
export interface ContentRecord {
  digest: Digest;
  size: number;
  labels: Labels;
  createdAt: Date;
  updatedAt: Date;
}

/** What the content store keeps in the database; the bytes are its own affair. */
export interface ContentRecordStore extends RecordStore<ContentRecord> {
  /** As of any record; what it is, where that is known, is told of but not kept. */
  create(draft: Draft<ContentRecord> & { mediaType?: string }): ContentRecord;
  /** Some namespace's row for the digest, or undefined. */
  inAnyNamespace(digest: Digest): ContentRecord | undefined;
}

export interface SnapshotRecord extends SnapshotInfo {
  /** Names the directory on disk. Committed snapshots of several namespaces may share one. */
  directoryId: number;
  /** The chain ID this was prepared for (`containerd.io/snapshot.ref`), else empty: only such snapshots are shared. */
  chainId: string;
  sizeBytes?: number;
  inodes?: number;
}

/** What a snapshotter keeps in the database, for one namespace and one snapshotter: the tree of names. */
export interface SnapshotRecordStore {
  /** Throws NotFound. */
  get(key: string): SnapshotRecord;
  /** In key order; as `RecordStore.list`. */
  list(filters?: readonly string[]): SnapshotRecord[];
  /** From the root layer's to the key's own, of one moment. Throws NotFound. */
  chain(key: string): SnapshotRecord[];
  /** A directory id never used before in this state directory, for any snapshotter. */
  nextDirectoryId(): number;
  /** Throws AlreadyExists for the key, NotFound or FailedPrecondition for the parent. */
  create(record: {
    key: string;
    parent: string;
    kind: SnapshotKind;
    labels: Labels;
    directoryId: number;
    chainId: string;
  }): SnapshotRecord;
  /** Merges by `mergeLabels`' rule inside one transaction. Throws NotFound, InvalidArgument. */
  label(key: string, labels: Labels): SnapshotRecord;
  /** Active becomes Committed under its new name: checks and change are one transaction. Throws as `Snapshotter.commit`. */
  commit(
    name: string,
    key: string,
    change: { labels: Labels; sizeBytes: number; inodes: number },
  ): SnapshotRecord;
  /** Gives an active snapshot without a parent one. Throws NotFound, FailedPrecondition. */
  rebase(key: string, parent: string): SnapshotRecord;
  /**
   * Gives committed snapshots that lost their directory, `name` and every other row that shares it, the directory of
   * an active one, whose row goes. Throws as `commit`; AlreadyExists when `name` has another directory by now.
   */
  restore(
    name: string,
    key: string,
    change: { lostDirectoryId: number; sizeBytes: number; inodes: number },
  ): SnapshotRecord;
  /** A committed snapshot of that chain ID in any namespace: the chain ID stands for all layers beneath as well. */
  shareable(chainId: string): SnapshotRecord | undefined;
  /**
   * A committed row for a directory that another namespace made. Throws NotFound when it was removed meanwhile,
   * AlreadyExists for the name.
   */
  share(record: SnapshotRecord, name: string, parent: string, labels: Labels): SnapshotRecord;
  /** Answers whether the directory is still in use by another row. Throws NotFound, FailedPrecondition with children. */
  delete(key: string): { directoryId: number; inUse: boolean };
}
