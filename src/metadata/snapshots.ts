import { CtrError, withSubject } from "../core/errors.ts";
import type { Announcement } from "../core/events.ts";
import { compileFilters, mapField } from "../core/filters.ts";
import { type Labels, mergeLabels, validateLabels } from "../core/labels.ts";
import type { SnapshotRecord, SnapshotRecordStore } from "../core/records.ts";
import type { Connection } from "./connection.ts";
import { ensureNamespace } from "./record-table.ts";
import { type SnapshotDraft, SnapshotRows } from "./snapshot-rows.ts";

export function createSnapshotRecordStore(
  connection: Connection,
  namespace: string,
  snapshotter: string,
): SnapshotRecordStore {
  return new SnapshotTree(connection, namespace, snapshotter);
}

/** The rules of the tree of names: each change checks and writes in one transaction, and is told of. */
class SnapshotTree implements SnapshotRecordStore {
  readonly #connection: Connection;
  readonly #rows: SnapshotRows;
  readonly #namespace: string;
  readonly #snapshotter: string;

  constructor(connection: Connection, namespace: string, snapshotter: string) {
    this.#connection = connection;
    this.#rows = new SnapshotRows(connection, namespace, snapshotter);
    this.#namespace = namespace;
    this.#snapshotter = snapshotter;
  }

  get(key: string): SnapshotRecord {
    const record = this.#rows.find(key);
    if (!record) throw new CtrError("NotFound", `snapshot ${key} does not exist`);
    return record;
  }

  list(filters?: readonly string[]): SnapshotRecord[] {
    return this.#rows.list().filter(compileFilters(filters, fieldOf));
  }

  chain(key: string): SnapshotRecord[] {
    const chain = this.#rows.chain(key);
    if (chain.length === 0) throw new CtrError("NotFound", `snapshot ${key} does not exist`);
    return chain;
  }

  nextDirectoryId(): number {
    return this.#connection.transaction(() => {
      const sql = `INSERT INTO sequences (name, value) VALUES ('directory', 1)
        ON CONFLICT DO UPDATE SET value = value + 1 RETURNING value`;
      return this.#connection.get(sql)!.value as number;
    });
  }

  create(draft: SnapshotDraft): SnapshotRecord {
    validateLabels(draft.labels, "snapshot.Labels");
    return this.#connection.transaction(() => {
      const record = this.#insert(draft);
      const { key, parent, kind } = record;
      // As in containerd, of a view nothing is said but that it goes.
      if (kind === "Active") {
        this.#announce("/snapshot/prepare", { key, parent, snapshotter: this.#snapshotter });
      }
      return record;
    });
  }

  label(key: string, changes: Labels): SnapshotRecord {
    return this.#connection.transaction(() => {
      const labels = mergeLabels(this.get(key).labels, changes);
      validateLabels(labels, "snapshot.Labels");
      this.#rows.change(key, { labels: JSON.stringify(labels) });
      return this.get(key);
    });
  }

  commit(name: string, key: string, change: Parameters<SnapshotRecordStore["commit"]>[2]): SnapshotRecord {
    const { labels, sizeBytes, inodes } = change;
    validateLabels(labels, "snapshot.Labels");
    return this.#connection.transaction(() => {
      this.#requireActive(key, "failed to commit snapshot");
      if (this.#rows.find(name)) throw new CtrError("AlreadyExists", `snapshot ${JSON.stringify(name)}`);
      const now = Date.now();
      const committed = { key: name, kind: "Committed", labels: JSON.stringify(labels) };
      this.#rows.change(key, { ...committed, size_bytes: sizeBytes, inodes, created_at: now }, now);
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
      this.#rows.change(key, { parent: parent || null });
      return this.get(key);
    });
  }

  restore(name: string, key: string, change: Parameters<SnapshotRecordStore["restore"]>[2]): SnapshotRecord {
    const { lostDirectoryId, ...usage } = change;
    return this.#connection.transaction(() => {
      const { parent, directoryId } = this.#requireActive(key, "failed to commit snapshot");
      const lost = this.get(name);
      if (lost.kind !== "Committed" || lost.directoryId !== lostDirectoryId || lost.parent !== parent) {
        throw new CtrError("AlreadyExists", `snapshot ${JSON.stringify(name)}`);
      }
      this.#rows.delete(key);
      this.#announceCommit(name, key);
      this.#rows.replaceDirectory(lostDirectoryId, { directoryId, ...usage });
      return this.get(name);
    });
  }

  shareable(chainId: string): SnapshotRecord | undefined {
    return chainId === "" ? undefined : this.#rows.findCommitted(chainId);
  }

  share(record: SnapshotRecord, name: string, parent: string, labels: Labels): SnapshotRecord {
    validateLabels(labels, "snapshot.Labels");
    return this.#connection.transaction(() => {
      // Whoever removed the last row since it was found may be removing the directory now.
      if (!this.#rows.isDirectoryInUse(record.directoryId)) {
        throw new CtrError("NotFound", `shared directory of snapshot ${name}`);
      }
      return this.#insert({ ...record, key: name, parent, labels, kind: "Committed" });
    });
  }

  delete(key: string): { directoryId: number; inUse: boolean } {
    return this.#connection.transaction(() => {
      const { directoryId } = this.get(key);
      if (this.#rows.hasChildren(key)) {
        throw new CtrError("FailedPrecondition", "cannot remove snapshot with child");
      }
      this.#rows.delete(key);
      this.#announce("/snapshot/remove", { key, snapshotter: this.#snapshotter });
      return { directoryId, inUse: this.#rows.isDirectoryInUse(directoryId) };
    });
  }

  #insert(draft: SnapshotDraft): SnapshotRecord {
    ensureNamespace(this.#connection, this.#namespace);
    this.#requireCommitted(draft.parent);
    if (!this.#rows.insert(draft)) {
      throw new CtrError("AlreadyExists", `snapshot ${JSON.stringify(draft.key)}`);
    }
    return this.get(draft.key);
  }

  #requireActive(key: string, failure: string): SnapshotRecord {
    const record = this.get(key);
    if (record.kind === "Active") return record;
    const why = new CtrError("FailedPrecondition", `snapshot ${JSON.stringify(key)} is not active`);
    throw withSubject(failure, why);
  }

  #requireCommitted(parent: string): void {
    if (parent === "") return;
    const record = this.#rows.find(parent);
    if (!record) throw new CtrError("NotFound", `parent snapshot ${parent} does not exist`);
    if (record.kind !== "Committed") {
      throw new CtrError("FailedPrecondition", `parent ${JSON.stringify(parent)} is not committed snapshot`);
    }
  }

  #announceCommit(name: string, key: string): void {
    this.#announce("/snapshot/commit", { key, name, snapshotter: this.#snapshotter });
  }

  #announce(...announcement: Announcement): void {
    this.#connection.announce(this.#namespace, ...announcement);
  }
}

function fieldOf({ key, parent, kind, labels }: SnapshotRecord, [field, ...rest]: readonly string[]) {
  if (field === "name") return key;
  if (field === "parent") return parent;
  if (field === "kind") return kind.toLowerCase();
  return field === "labels" ? mapField(labels, rest) : undefined;
}
