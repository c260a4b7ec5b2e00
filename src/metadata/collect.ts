import type { Collected, ContentSweeper, IngestRule, SnapshotSweeper } from "../core/collector.ts";
import type { Announcement } from "../core/events.ts";
import { keepWritersOut } from "../files/collection-lock.ts";
import type { Connection } from "./connection.ts";
import { type LeaseName, type Marked, markUsed } from "./mark.ts";
import { contentNode, imageNode, snapshotNode } from "./reference-graph.ts";

export interface Sweepers {
  /** The state directory, where the lock is that keeps writers out. */
  root: string;
  content: ContentSweeper;
  snapshotters: readonly SnapshotSweeper[];
  /** Leases that go before they expire. */
  abandonedLeases?: readonly LeaseName[];
  signal?: AbortSignal;
}

/** How long an interrupted download waits for its next try, as containerd's leases do. */
const INGEST_LIFETIME_MS = 24 * 60 * 60 * 1000;

export function ingestRule({ ingests }: Pick<Marked, "ingests">, now: Date): IngestRule {
  return { untouchedSince: new Date(now.getTime() - INGEST_LIFETIME_MS), ...ingests };
}

/** How much is removed before writers get a turn. */
const BLOBS_AT_ONCE = 16;
const DIRECTORIES_AT_ONCE = 128;

/**
 * First one transaction that deletes the rows of all that is not in use; then, piece by piece, the bytes that no row
 * names: those of the rows just deleted as well as those that a killed process left. Safe beside any number of
 * other processes, whose pulls name what they are about to write in a lease, and beside other collections.
 */
export async function collectGarbage(connection: Connection, sweepers: Sweepers): Promise<Collected> {
  const now = new Date();
  const { marked, ...rows } = await deleteUnusedRows(connection, sweepers, now);
  const blobs = await sweepBlobs(connection, sweepers);
  const ingests = await sweepers.content.removeIngests(ingestRule(marked, now));
  // Only now: nothing else says of these ingests that they may go.
  const leases = deleteLeases(connection, marked.expiredLeases);
  let directories = 0;
  let sizeBytes = blobs.sizeBytes + ingests.sizeBytes;
  for (const sweeper of sweepers.snapshotters) {
    directories += await sweepDirectories(connection, sweepers, sweeper);
    sizeBytes += await sweeper.purge();
  }
  return { ...rows, leases, blobs: blobs.blobs, ingests: ingests.ingests, directories, sizeBytes };
}

/** With writers kept out: who has just made a snapshot may be about to record the container that refers to it. */
async function deleteUnusedRows(
  connection: Connection,
  { root, signal, abandonedLeases }: Sweepers,
  now: Date,
) {
  using _ = await keepWritersOut(root, signal);
  return connection.transaction(() => deleteUnused(connection, now, abandonedLeases));
}

function deleteUnused(connection: Connection, now: Date, abandonedLeases: Sweepers["abandonedLeases"]) {
  const marked = markUsed(connection, now, abandonedLeases);
  return {
    marked,
    images: deleteRows(connection, "images", marked),
    content: deleteRows(connection, "content", marked),
    snapshots: deleteRows(connection, "snapshots", marked),
  };
}

function deleteLeases(connection: Connection, leases: readonly LeaseName[]): number {
  if (leases.length === 0) return 0;
  const sql = "DELETE FROM leases WHERE namespace = ? AND id = ?";
  return connection.transaction(() =>
    leases.reduce((deleted, { namespace, id }) => deleted + connection.run(sql, namespace, id), 0),
  );
}

/** Key columns, the name of such a row among references, and what is published of its removal. */
interface Collectable {
  key: readonly string[];
  nodeOf(namespace: string, ...key: [string, string]): string;
  removed(...key: [string, string]): Announcement;
}

const COLLECTABLES: Readonly<Record<"images" | "content" | "snapshots", Collectable>> = {
  images: { key: ["name"], nodeOf: imageNode, removed: (name) => ["/images/delete", { name }] },
  content: { key: ["digest"], nodeOf: contentNode, removed: (digest) => ["/content/delete", { digest }] },
  snapshots: {
    key: ["snapshotter", "key"],
    nodeOf: snapshotNode,
    removed: (snapshotter, key) => ["/snapshot/remove", { key, snapshotter }],
  },
};

function deleteRows(connection: Connection, table: keyof typeof COLLECTABLES, { isUsed }: Marked): number {
  const { key, nodeOf, removed } = COLLECTABLES[table];
  const columns = ["namespace", ...key];
  const unused = connection
    .all(`SELECT ${columns.join(", ")} FROM ${table}`)
    .map((row) => columns.map((column) => row[column]) as [string, string, string])
    .filter((parts) => !isUsed(nodeOf(...parts)));
  const sql = `DELETE FROM ${table} WHERE ${columns.map((column) => `${column} = ?`).join(" AND ")}`;
  for (const [namespace, ...parts] of unused) {
    connection.run(sql, namespace, ...parts);
    connection.announce(namespace, ...removed(...parts));
  }
  return unused.length;
}

async function sweepBlobs(connection: Connection, { root, content, signal }: Sweepers) {
  const isOrphan = (digest: string) =>
    connection.get("SELECT 1 FROM content WHERE digest = ? LIMIT 1", digest) === undefined;
  const removed = { blobs: 0, sizeBytes: 0 };
  const suspects = (await content.blobs()).filter(isOrphan);
  for (const batch of batchesOf(suspects, BLOBS_AT_ONCE)) {
    using _ = await keepWritersOut(root, signal);
    for (const digest of batch.filter(isOrphan)) {
      removed.sizeBytes += await content.removeBlob(digest);
      removed.blobs += 1;
    }
  }
  return removed;
}

async function sweepDirectories(
  connection: Connection,
  { root, signal }: Sweepers,
  sweeper: SnapshotSweeper,
) {
  const isOrphan = (id: number) =>
    connection.get("SELECT 1 FROM snapshots WHERE directory_id = ? LIMIT 1", id) === undefined;
  let removed = 0;
  const suspects = (await sweeper.directoryIds()).filter(isOrphan);
  for (const batch of batchesOf(suspects, DIRECTORIES_AT_ONCE)) {
    using _ = await keepWritersOut(root, signal);
    const orphans = batch.filter(isOrphan);
    await sweeper.setAside(orphans);
    removed += orphans.length;
  }
  return removed;
}

function* batchesOf<T>(items: readonly T[], size: number): Iterable<T[]> {
  for (let at = 0; at < items.length; at += size) yield items.slice(at, at + size);
}
