import type { SQLQueryBindings } from "bun:sqlite";
import type { SnapshotRecord } from "../core/records.ts";
import type { SnapshotKind } from "../core/snapshotter.ts";
import type { Connection, Row } from "./connection.ts";
import { parseLabelsColumn, timesOf } from "./record-table.ts";

const COLUMNS =
  "key, parent, kind, labels, directory_id, chain_id, size_bytes, inodes, created_at, updated_at";

/** Up from the key to the root; `depth` counts from the key. */
const CHAIN = `
WITH RECURSIVE chain AS (
  SELECT ${COLUMNS}, 0 AS depth FROM snapshots WHERE namespace = ?1 AND snapshotter = ?2 AND key = ?3
  UNION ALL
  SELECT ${COLUMNS.replace(/\w+/g, "up.$&")}, chain.depth + 1 FROM chain
    JOIN snapshots AS up ON up.namespace = ?1 AND up.snapshotter = ?2 AND up.key = chain.parent
)
SELECT * FROM chain ORDER BY depth DESC`;

export type SnapshotDraft = Omit<SnapshotRecord, "createdAt" | "updatedAt">;

/** The table's rows of one namespace and one snapshotter. What may become of them is the store's to judge. */
export class SnapshotRows {
  readonly #connection: Connection;
  readonly #here: readonly [namespace: string, snapshotter: string];

  constructor(connection: Connection, namespace: string, snapshotter: string) {
    this.#connection = connection;
    this.#here = [namespace, snapshotter];
  }

  find(key: string): SnapshotRecord | undefined {
    const sql = `SELECT ${COLUMNS} FROM snapshots WHERE namespace = ? AND snapshotter = ? AND key = ?`;
    const row = this.#connection.get(sql, ...this.#here, key);
    return row && recordOf(row);
  }

  /** In key order. */
  list(): SnapshotRecord[] {
    const sql = `SELECT ${COLUMNS} FROM snapshots WHERE namespace = ? AND snapshotter = ? ORDER BY key`;
    return this.#connection.all(sql, ...this.#here).map(recordOf);
  }

  /** From the root's to the key's own; none without it. */
  chain(key: string): SnapshotRecord[] {
    return this.#connection.all(CHAIN, ...this.#here, key).map(recordOf);
  }

  hasChildren(key: string): boolean {
    const sql = "SELECT 1 FROM snapshots WHERE namespace = ? AND snapshotter = ? AND parent = ? LIMIT 1";
    return this.#connection.get(sql, ...this.#here, key) !== undefined;
  }

  /** Of whichever namespace. */
  findCommitted(chainId: string): SnapshotRecord | undefined {
    const sql = `SELECT ${COLUMNS} FROM snapshots
      WHERE snapshotter = ? AND chain_id = ? AND chain_id <> '' AND kind = 'Committed' LIMIT 1`;
    const row = this.#connection.get(sql, this.#here[1], chainId);
    return row && recordOf(row);
  }

  /** Whether a row of any namespace has the directory. */
  isDirectoryInUse(directoryId: number): boolean {
    const sql = "SELECT 1 FROM snapshots WHERE directory_id = ? LIMIT 1";
    return this.#connection.get(sql, directoryId) !== undefined;
  }

  /** False when there is one of that key. */
  insert(draft: SnapshotDraft): boolean {
    const { key, parent, kind, labels, directoryId, chainId, sizeBytes = null, inodes = null } = draft;
    const now = Date.now();
    const inserted = this.#connection.run(
      `INSERT INTO snapshots (namespace, snapshotter, ${COLUMNS})
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
      ...[...this.#here, key, parent || null, kind, JSON.stringify(labels)],
      ...[directoryId, chainId, sizeBytes, inodes, now, now],
    );
    return inserted > 0;
  }

  /** Changes columns, and when it was updated. */
  change(key: string, columns: Readonly<Record<string, SQLQueryBindings>>, now = Date.now()): void {
    const changes = { ...columns, updated_at: now };
    const assignments = Object.keys(changes).map((column) => `${column} = ?`);
    this.#connection.run(
      `UPDATE snapshots SET ${assignments.join(", ")} WHERE namespace = ? AND snapshotter = ? AND key = ?`,
      ...[...Object.values(changes), ...this.#here, key],
    );
  }

  /** In every row that has it, of whichever namespace. */
  replaceDirectory(
    lostDirectoryId: number,
    { directoryId, sizeBytes, inodes }: { directoryId: number; sizeBytes: number; inodes: number },
  ): void {
    this.#connection.run(
      `UPDATE snapshots SET directory_id = ?, size_bytes = ?, inodes = ?, updated_at = ?
        WHERE snapshotter = ? AND directory_id = ?`,
      ...[directoryId, sizeBytes, inodes, Date.now(), this.#here[1], lostDirectoryId],
    );
  }

  delete(key: string): void {
    const sql = "DELETE FROM snapshots WHERE namespace = ? AND snapshotter = ? AND key = ?";
    this.#connection.run(sql, ...this.#here, key);
  }
}

function recordOf(row: Row): SnapshotRecord {
  return {
    key: row.key as string,
    parent: (row.parent as string | null) ?? "",
    kind: row.kind as SnapshotKind,
    labels: parseLabelsColumn(row.labels!),
    directoryId: row.directory_id as number,
    chainId: row.chain_id as string,
    ...(row.size_bytes === null ? {} : { sizeBytes: row.size_bytes as number }),
    ...(row.inodes === null ? {} : { inodes: row.inodes as number }),
    ...timesOf(row),
  };
}
