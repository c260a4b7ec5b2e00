import type { Digest } from "../core/digest.ts";
import type { SnapshotKind } from "../core/snapshotter.ts";
import type { Connection } from "./connection.ts";

/** What takes space on disk and has rows, of all namespaces. */
export interface Holdings {
  content: { namespace: string; digest: Digest; sizeBytes: number }[];
  snapshots: HeldSnapshot[];
}

export interface HeldSnapshot {
  namespace: string;
  snapshotter: string;
  key: string;
  /** Empty without one. */
  parent: string;
  kind: SnapshotKind;
  /** Rows of several namespaces may share one. */
  directoryId: number;
  /** Of a committed one. */
  sizeBytes?: number;
  hasChildren: boolean;
}

/** All as of one moment. */
export function readHoldings(connection: Connection): Holdings {
  return connection.snapshot(() => ({
    content: connection
      .all("SELECT namespace, digest, size FROM content ORDER BY namespace, digest")
      .map((row) => ({
        namespace: row.namespace as string,
        digest: row.digest as Digest,
        sizeBytes: row.size as number,
      })),
    snapshots: connection
      .all(
        `SELECT namespace, snapshotter, key, parent, kind, directory_id, size_bytes, EXISTS (
            SELECT 1 FROM snapshots AS child WHERE child.namespace = snapshots.namespace
              AND child.snapshotter = snapshots.snapshotter AND child.parent = snapshots.key
          ) AS has_children
          FROM snapshots ORDER BY namespace, snapshotter, key`,
      )
      .map((row) => ({
        namespace: row.namespace as string,
        snapshotter: row.snapshotter as string,
        key: row.key as string,
        parent: (row.parent as string | null) ?? "",
        kind: row.kind as SnapshotKind,
        directoryId: row.directory_id as number,
        ...(row.size_bytes === null ? {} : { sizeBytes: row.size_bytes as number }),
        hasChildren: row.has_children === 1,
      })),
  }));
}

/** Pages, indexes and foreign keys. */
export function findFaults(connection: Connection): string[] {
  const words = connection.all("PRAGMA integrity_check").map((row) => row.integrity_check as string);
  const orphans = connection
    .all("PRAGMA foreign_key_check")
    .map(({ table, parent }) => `a row of ${table} refers to nothing in ${parent}`);
  return [...words.filter((word) => word !== "ok"), ...orphans];
}
