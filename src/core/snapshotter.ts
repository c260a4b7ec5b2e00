import type { Labels } from "./labels.ts";
import type { Mount } from "./mount.ts";

export type SnapshotKind = "Active" | "View" | "Committed";

export interface SnapshotInfo {
  key: string;
  /** Empty for a snapshot without parent. */
  parent: string;
  kind: SnapshotKind;
  labels: Labels;
  createdAt: Date;
  updatedAt: Date;
}

/** Of one snapshot alone, without its parents. `sizeBytes` counts allocated bytes, hardlinks once. */
export interface SnapshotUsage {
  sizeBytes: number;
  inodes: number;
}

export interface PrepareOptions {
  /**
   * `containerd.io/snapshot.ref` names the chain ID that this snapshot will be committed as: a snapshotter that can
   * offer that chain at once (another namespace has it, or a remote snapshotter mounts it lazily) makes the
   * committed snapshot of that name and throws AlreadyExists.
   *
   * `containerd.io/snapshot/uidmapping` and `…/gidmapping`, each `CONTAINER:HOST:SIZE` with commas between several, have
   * the mounts show the parents' files with mapped owners, and the root belong to the mapped one: where `canRemap`.
   */
  labels?: Labels;
  /**
   * Prepared without a parent, to be put above one by `putAbove` and given it by `commit`: its mounts take whiteouts as
   * those above a parent do, and nothing is offered in its place. Only where there is a `putAbove`.
   */
  isApart?: boolean;
}

export interface CommitOptions {
  labels?: Labels;
  /** Of a snapshot that was prepared apart. */
  parent?: string;
  /** Whoever wrote its bytes has made them durable. */
  isDurable?: boolean;
}

/**
 * Snapshots of one namespace under one snapshotter. A `key` names an Active or View snapshot, a `name` a Committed
 * one; both share one space, so a name taken is AlreadyExists whatever its kind. Parents are Committed.
 *
 * Active snapshots are written through their mounts and become Committed by `commit`, which makes their bytes
 * durable first (one syncfs) and then changes the row, so that a power cut never leaves a committed layer with
 * empty files. The caller mounts; a snapshotter never leaves a mount of its own behind.
 */
export interface Snapshotter {
  readonly name: string;
  /** How many snapshots can lie one above the other for their mounts to work; without it, any number. */
  readonly maxDepth?: number;
  /** Whether its mounts can map owners here, as `PrepareOptions.labels` say. */
  canRemap(): boolean;
  /** Throws NotFound. */
  stat(key: string): Promise<SnapshotInfo>;
  /** Merges labels by `mergeLabels`' rule inside one transaction; answers the result. Throws NotFound. */
  label(key: string, labels: Labels): Promise<SnapshotInfo>;
  usage(key: string): Promise<SnapshotUsage>;
  /** Throws NotFound, FailedPrecondition for a Committed snapshot. */
  mounts(key: string): Promise<Mount[]>;
  /** Throws AlreadyExists when the key is taken, NotFound for the parent, FailedPrecondition when it is not Committed. */
  prepare(key: string, parent: string, options?: PrepareOptions): Promise<Mount[]>;
  /** As `prepare`, for reading only. */
  view(key: string, parent: string, options?: PrepareOptions): Promise<Mount[]>;
  /**
   * Makes of an active snapshot, prepared apart, what it would be above `parent`, so that layers can be unpacked side by
   * side; answers the mounts that it has there. The parent may still be active, itself apart and put above another: only
   * who goes on to commit both, the parent first, knows of it. Throws NotFound for either, FailedPrecondition when the
   * key is not Active or has a parent, or the parent is a view.
   */
  putAbove?(key: string, parent: string): Promise<Mount[]>;
  /** Makes the snapshot's bytes durable, at once for all that are asked for meanwhile. Only where there is a `putAbove`. */
  sync?(key: string): Promise<void>;
  /**
   * Throws NotFound for the key or the parent, FailedPrecondition when the one is not Active or the other not
   * Committed, AlreadyExists for the name; the active one then stays. A committed snapshot of that name that is not
   * intact is no obstacle: it gets the active one's bytes, in every namespace that shares them, and keeps its labels
   * and children.
   */
  commit(name: string, key: string, options?: CommitOptions): Promise<void>;
  /** Throws NotFound; FailedPrecondition while it has children. The row goes first, then the bytes. */
  remove(key: string): Promise<void>;
  /**
   * As `remove`, but the bytes stay, out of the way, and are the caller's to remove; the collector finds them if he
   * does not. Answers where they are, undefined when others have a share in them. Only where they are a plain tree.
   */
  setAside?(key: string): Promise<string | undefined>;
  /**
   * Whether the bytes of the snapshot and of all its parents are still on disk: they can vanish behind the database's
   * back. Without it, the snapshotter answers for its bytes itself. Throws NotFound.
   */
  isIntact?(key: string): Promise<boolean>;
  /** In key order; may miss concurrent changes and never throws for them. */
  walk(filters?: readonly string[]): AsyncIterable<SnapshotInfo>;
  /** Gives back what it holds open, if anything: it is not to be used any more. */
  close?(): Promise<void>;
}
