import { CtrError, withSubject } from "../core/errors.ts";
import { compileFilters, mapField } from "../core/filters.ts";
import { type Labels, mergeLabels, validateLabels } from "../core/labels.ts";
import type { SnapshotRecord, SnapshotRecordStore } from "../core/records.ts";
import type { SnapshotKind } from "../core/snapshotter.ts";
import type { Connection, Row } from "./connection.ts";
import { ensureNamespace, parseLabelsColumn, timesOf } from "./record-table.ts";

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

export function createSnapshotRecordStore(
  connection: Connection,
  namespace: string,
  snapshotter: string,
): SnapshotRecordStore {
  return new SnapshotTable(connection, namespace, snapshotter);
}

class SnapshotTable implements SnapshotRecordStore {
  readonly #connection: Connection;
  readonly #namespace: string;
  readonly #snapshotter: string;

  constructor(connection: Connection, namespace: string, snapshotter: string) {
    this.#connection = connection;
    this.#namespace = namespace;
    this.#snapshotter = snapshotter;
  }

  get(key: string): SnapshotRecord {
    const record = this.#find(key);
    if (!record) throw new CtrError("NotFound", `snapshot ${key} does not exist`);
    return record;
  }

  list(filters?: readonly string[]): SnapshotRecord[] {
    const matches = compileFilters(filters, fieldOf);
    const sql = `SELECT ${COLUMNS} FROM snapshots WHERE namespace = ? AND snapshotter = ? ORDER BY key`;
    return this.#connection.all(sql, this.#namespace, this.#snapshotter).map(recordOf).filter(matches);
  }

  chain(key: string): SnapshotRecord[] {
    const rows = this.#connection.all(CHAIN, this.#namespace, this.#snapshotter, key);
    if (rows.length === 0) throw new CtrError("NotFound", `snapshot ${key} does not exist`);
    return rows.map(recordOf);
  }

  nextDirectoryId(): number {
    return this.#connection.transaction(() => {
      const sql = `INSERT INTO sequences (name, value) VALUES ('directory', 1)
        ON CONFLICT DO UPDATE SET value = value + 1 RETURNING value`;
      return this.#connection.get(sql)!.value as number;
    });
  }

  create(draft: Parameters<SnapshotRecordStore["create"]>[0]): SnapshotRecord {
    validateSnapshotLabels(draft.labels);
    return this.#connection.transaction(() => {
      const record = this.#insert(draft);
      const { key, parent, kind } = record;
      // As in containerd, of a view nothing is said but that it goes.
      if (kind === "Active") {
        const event = { key, parent, snapshotter: this.#snapshotter };
        this.#connection.announce(this.#namespace, "/snapshot/prepare", event);
      }
      return record;
    });
  }

  label(key: string, changes: Labels): SnapshotRecord {
    return this.#connection.transaction(() => {
      const labels = mergeLabels(this.get(key).labels, changes);
      validateSnapshotLabels(labels);
      this.#connection.run(
        "UPDATE snapshots SET labels = ?, updated_at = ? WHERE namespace = ? AND snapshotter = ? AND key = ?",
        ...[JSON.stringify(labels), Date.now(), this.#namespace, this.#snapshotter, key],
      );
      return this.get(key);
    });
  }

  commit(name: string, key: string, change: Parameters<SnapshotRecordStore["commit"]>[2]): SnapshotRecord {
    validateSnapshotLabels(change.labels);
    return this.#connection.transaction(() => {
      this.#requireActive(key, "failed to commit snapshot");
      if (this.#find(name)) throw new CtrError("AlreadyExists", `snapshot ${JSON.stringify(name)}`);
      const now = Date.now();
      this.#connection.run(
        `UPDATE snapshots SET key = ?, kind = 'Committed', labels = ?, size_bytes = ?, inodes = ?,
          created_at = ?, updated_at = ? WHERE namespace = ? AND snapshotter = ? AND key = ?`,
        ...[name, JSON.stringify(change.labels), change.sizeBytes, change.inodes, now, now],
        ...[this.#namespace, this.#snapshotter, key],
      );
      this.#announceCommit(name, key);
      return this.get(name);
    });
  }

  rebase(key: string, parent: string): SnapshotRecord {
    return this.#connection.transaction(() => {
      const active = this.#requireActive(key, "failed to rebase snapshot");
      if (active.parent !== "") {
        const subject = `snapshot ${JSON.stringify(key)} already has parent ${JSON.stringify(active.parent)}`;
        throw new CtrError("FailedPrecondition", subject);
      }
      this.#requireCommitted(parent);
      this.#connection.run(
        "UPDATE snapshots SET parent = ?, updated_at = ? WHERE namespace = ? AND snapshotter = ? AND key = ?",
        ...[parent || null, Date.now(), this.#namespace, this.#snapshotter, key],
      );
      return this.get(key);
    });
  }

  restore(name: string, key: string, change: Parameters<SnapshotRecordStore["restore"]>[2]): SnapshotRecord {
    const { lostDirectoryId, sizeBytes, inodes } = change;
    return this.#connection.transaction(() => {
      const { parent, directoryId } = this.#requireActive(key, "failed to commit snapshot");
      const lost = this.get(name);
      if (lost.kind !== "Committed" || lost.directoryId !== lostDirectoryId || lost.parent !== parent) {
        throw new CtrError("AlreadyExists", `snapshot ${JSON.stringify(name)}`);
      }
      this.#deleteRow(key);
      this.#announceCommit(name, key);
      this.#connection.run(
        `UPDATE snapshots SET directory_id = ?, size_bytes = ?, inodes = ?, updated_at = ?
          WHERE snapshotter = ? AND directory_id = ?`,
        ...[directoryId, sizeBytes, inodes, Date.now(), this.#snapshotter, lostDirectoryId],
      );
      return this.get(name);
    });
  }

  shareable(chainId: string): SnapshotRecord | undefined {
    if (chainId === "") return undefined;
    const sql = `SELECT ${COLUMNS} FROM snapshots
      WHERE snapshotter = ? AND chain_id = ? AND chain_id <> '' AND kind = 'Committed' LIMIT 1`;
    const row = this.#connection.get(sql, this.#snapshotter, chainId);
    return row && recordOf(row);
  }

  share(record: SnapshotRecord, name: string, parent: string, labels: Labels): SnapshotRecord {
    validateSnapshotLabels(labels);
    return this.#connection.transaction(() => {
      // Whoever removed the last row since it was found may be removing the directory now.
      if (!this.#isDirectoryInUse(record.directoryId)) {
        throw new CtrError("NotFound", `shared directory of snapshot ${name}`);
      }
      return this.#insert({ ...record, key: name, parent, labels, kind: "Committed" });
    });
  }

  delete(key: string): { directoryId: number; inUse: boolean } {
    return this.#connection.transaction(() => {
      const { directoryId } = this.get(key);
      const child = this.#connection.get(
        "SELECT 1 FROM snapshots WHERE namespace = ? AND snapshotter = ? AND parent = ? LIMIT 1",
        ...[this.#namespace, this.#snapshotter, key],
      );
      if (child) throw new CtrError("FailedPrecondition", "cannot remove snapshot with child");
      this.#deleteRow(key);
      this.#connection.announce(this.#namespace, "/snapshot/remove", { key, snapshotter: this.#snapshotter });
      return { directoryId, inUse: this.#isDirectoryInUse(directoryId) };
    });
  }

  #deleteRow(key: string): void {
    this.#connection.run(
      "DELETE FROM snapshots WHERE namespace = ? AND snapshotter = ? AND key = ?",
      ...[this.#namespace, this.#snapshotter, key],
    );
  }

  #announceCommit(name: string, key: string): void {
    const snapshotter = this.#snapshotter;
    this.#connection.announce(this.#namespace, "/snapshot/commit", { key, name, snapshotter });
  }

  #requireActive(key: string, failure: string): SnapshotRecord {
    const record = this.get(key);
    if (record.kind === "Active") return record;
    const why = new CtrError("FailedPrecondition", `snapshot ${JSON.stringify(key)} is not active`);
    throw withSubject(failure, why);
  }

  #find(key: string): SnapshotRecord | undefined {
    const sql = `SELECT ${COLUMNS} FROM snapshots WHERE namespace = ? AND snapshotter = ? AND key = ?`;
    const row = this.#connection.get(sql, this.#namespace, this.#snapshotter, key);
    return row && recordOf(row);
  }

  #insert(draft: Omit<SnapshotRecord, "createdAt" | "updatedAt">): SnapshotRecord {
    const { key, parent, kind, labels, directoryId, chainId, sizeBytes = null, inodes = null } = draft;
    ensureNamespace(this.#connection, this.#namespace);
    this.#requireCommitted(parent);
    const now = Date.now();
    const inserted = this.#connection.run(
      `INSERT INTO snapshots (namespace, snapshotter, ${COLUMNS})
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
      ...[this.#namespace, this.#snapshotter, key, parent || null, kind, JSON.stringify(labels)],
      ...[directoryId, chainId, sizeBytes, inodes, now, now],
    );
    if (inserted === 0) throw new CtrError("AlreadyExists", `snapshot ${JSON.stringify(key)}`);
    return this.get(key);
  }

  #requireCommitted(parent: string): void {
    if (parent === "") return;
    const record = this.#find(parent);
    if (!record) throw new CtrError("NotFound", `parent snapshot ${parent} does not exist`);
    if (record.kind !== "Committed") {
      throw new CtrError("FailedPrecondition", `parent ${JSON.stringify(parent)} is not committed snapshot`);
    }
  }

  #isDirectoryInUse(directoryId: number): boolean {
    const sql = "SELECT 1 FROM snapshots WHERE directory_id = ? LIMIT 1";
    return this.#connection.get(sql, directoryId) !== undefined;
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

function fieldOf({ key, parent, kind, labels }: SnapshotRecord, [field, ...rest]: readonly string[]) {
  if (field === "name") return key;
  if (field === "parent") return parent;
  if (field === "kind") return kind.toLowerCase();
  return field === "labels" ? mapField(labels, rest) : undefined;
}

function validateSnapshotLabels(labels: Labels): void {
  try {
    validateLabels(labels);
  } catch (error) {
    throw withSubject("snapshot.Labels", error);
  }
}
