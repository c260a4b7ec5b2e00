import type { Digest } from "./digest.ts";

/**
 * What the garbage collector asks of those who keep bytes. The database says what is in use; here is only what is on
 * disk and how it goes.
 *
 * Between bytes and row there is a moment when bytes look like litter. Therefore whoever makes bytes appear in their
 * final place and then writes their row does both while holding off the collector (`holdOffCollector` in src/files/),
 * and the collector, before it removes anything, keeps such writers out and looks at the database once more.
 */

export interface ContentSweeper {
  /** Of every blob on disk, whoever knows it. */
  blobs(): Promise<Digest[]>;
  /** In bytes; undefined when it is not there. */
  blobSize(digest: Digest): Promise<number | undefined>;
  /** Answers how many bytes that freed; 0 when it is gone already. Called with writers kept out. */
  removeBlob(digest: Digest): Promise<number>;
  /** What `removeIngests` would drop now. */
  staleIngests(rule: IngestRule): Promise<{ ref: string; sizeBytes: number }[]>;
  /** Drops those ingests without a living writer that the rule does not spare. */
  removeIngests(rule: IngestRule): Promise<{ ingests: number; sizeBytes: number }>;
}

/**
 * Which ingests stay: those leased, and those written to lately, unless a lease that is over held them or nobody goes
 * on with them.
 */
export interface IngestRule {
  untouchedSince: Date;
  leased: readonly IngestName[];
  released: readonly IngestName[];
}

export interface IngestName {
  namespace: string;
  ref: string;
}

/** One snapshotter's directories, of all namespaces. */
export interface SnapshotSweeper {
  readonly snapshotter: string;
  /** Of everything that it keeps on disk under a directory id. */
  directoryIds(): Promise<number[]>;
  /**
   * Takes directories out of use at once (a rename), so that nobody waits while thousands of files are removed. An id
   * that is gone already is fine. Called with writers kept out.
   */
  setAside(directoryIds: readonly number[]): Promise<void>;
  /** Removes all that was ever set aside, also by processes that were killed since; answers the bytes freed. */
  purge(): Promise<number>;
}

/** What a collection took away. */
export interface Collected {
  leases: number;
  images: number;
  /** Rows, each of one namespace. */
  content: number;
  snapshots: number;
  /** On disk, where no namespace needed them any more. */
  blobs: number;
  ingests: number;
  directories: number;
  sizeBytes: number;
}

/** A thing in the database by the name that users know it by. */
export interface NamedObject {
  kind: "image" | "container" | "content" | "snapshot" | "lease";
  namespace: string;
  /** A digest for content, a key for a snapshot. */
  name: string;
  /** Of a snapshot. */
  snapshotter?: string;
}

/** One step on the way from what is kept for its own sake down to what that keeps. */
export interface ReferenceStep extends NamedObject {
  /** How the step before refers to this one; of the first step, why it is kept for its own sake. */
  by: string;
}

/** What a collection would remove now. */
export interface CollectionPlan {
  /** Rows: leases that have expired, and what nothing refers to. Bytes that other rows need are not in `sizeBytes`. */
  unused: (NamedObject & { sizeBytes?: number })[];
  /** On disk without any row: what processes that were killed have left. */
  litter: Litter[];
}

export interface Litter {
  kind: "blob" | "ingest" | "directory";
  /** A digest, a ref, or SNAPSHOTTER/ID. */
  name: string;
  sizeBytes?: number;
}
