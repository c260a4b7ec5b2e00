import type { Mount } from "../core/mount.ts";
import type { SnapshotKind, SnapshotUsage } from "../core/snapshotter.ts";
import type { SnapshotDirectories } from "./snapshot-directories.ts";

/** A snapshot as its bytes are found: the id of its own directory, and those of its parents, the topmost first. */
export interface StoredSnapshot {
  kind: SnapshotKind;
  id: number;
  parentIds: readonly number[];
  /** Owners as its mounts show them, where that is not as they are. */
  owners?: OwnerMapping;
  /** Its parents come later (`PrepareOptions.isApart`). */
  isApart?: boolean;
}

/** Texts `CONTAINER:HOST:SIZE`. */
export interface OwnerMapping {
  uidMaps: readonly string[];
  gidMaps: readonly string[];
}

/** How one kind of snapshotter keeps bytes; the tree of names is the database's. */
export interface SnapshotStorage {
  readonly name: string;
  /** Where all its snapshots are. */
  readonly directories: SnapshotDirectories;
  /** As `Snapshotter.maxDepth`. */
  readonly maxDepth?: number;
  /** Whether `StoredSnapshot.owners` has an effect. */
  canRemap(): boolean;
  /**
   * Makes the bytes that a new snapshot begins with, durable when they are copied from its parent's. What a killed
   * call leaves is litter, since no row has the id yet. Throws FailedPrecondition where it cannot work.
   */
  make(snapshot: StoredSnapshot): void;
  /**
   * Makes of what was written apart what would have been written above the parents it has now, durably. Only where a
   * snapshot's directory holds its own changes alone.
   */
  putAbove?(snapshot: StoredSnapshot): void;
  /** As `Snapshotter.usage`, measured now. */
  usage(snapshot: StoredSnapshot): SnapshotUsage;
  mounts(snapshot: StoredSnapshot): Mount[];
}
