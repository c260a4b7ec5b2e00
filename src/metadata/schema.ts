import type { Database } from "bun:sqlite";
import { CtrError } from "../core/errors.ts";

/**
 * The database, version 1. Labels, descriptors and the like are JSON; times are milliseconds since 1970.
 *
 *     namespaces       name ─┐ labels
 *                            │
 *     images           namespace, name        target, labels, times
 *     containers       namespace, id          image, runtime, snapshot, labels, extensions, times
 *     container_specs  namespace, id          spec: apart, so that a listing does not read megabytes
 *     content          namespace, digest      size, labels, times
 *     snapshots        namespace, snapshotter, key
 *                        parent       a committed key of the same namespace and snapshotter
 *                        directory_id the directory on disk; rows of several namespaces may share it
 *                        chain_id     what the layer is, where rows may share: else empty
 *                        kind, labels, size_bytes, inodes, times
 *     leases           namespace, id          labels (an expiry is the label containerd.io/gc.expire), created
 *     lease_resources  namespace, lease, type, resource
 *     sequences        name, value            the last directory id given out
 *
 * A row for bytes exists only while they are whole on disk (synced before), so nothing here ever needs a journal of
 * its own. Text compares by bytes, which is the order of every listing.
 */
const VERSION_1 = `
CREATE TABLE namespaces (
  name TEXT PRIMARY KEY,
  labels TEXT NOT NULL DEFAULT '{}'
) STRICT, WITHOUT ROWID;

CREATE TABLE images (
  namespace TEXT NOT NULL REFERENCES namespaces (name),
  name TEXT NOT NULL,
  target TEXT NOT NULL,
  labels TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (namespace, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE containers (
  namespace TEXT NOT NULL REFERENCES namespaces (name),
  id TEXT NOT NULL,
  image TEXT NOT NULL,
  runtime_name TEXT NOT NULL,
  runtime_options TEXT,
  snapshot_key TEXT NOT NULL,
  snapshotter TEXT NOT NULL,
  labels TEXT NOT NULL,
  extensions TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (namespace, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE container_specs (
  namespace TEXT NOT NULL,
  id TEXT NOT NULL,
  spec TEXT NOT NULL,
  PRIMARY KEY (namespace, id),
  FOREIGN KEY (namespace, id) REFERENCES containers (namespace, id) ON DELETE CASCADE
) STRICT;

CREATE TABLE content (
  namespace TEXT NOT NULL REFERENCES namespaces (name),
  digest TEXT NOT NULL,
  size INTEGER NOT NULL,
  labels TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (namespace, digest)
) STRICT, WITHOUT ROWID;
CREATE INDEX content_by_digest ON content (digest);

CREATE TABLE snapshots (
  namespace TEXT NOT NULL REFERENCES namespaces (name),
  snapshotter TEXT NOT NULL,
  key TEXT NOT NULL,
  parent TEXT,
  kind TEXT NOT NULL CHECK (kind IN ('Active', 'View', 'Committed')),
  labels TEXT NOT NULL,
  directory_id INTEGER NOT NULL,
  chain_id TEXT NOT NULL,
  size_bytes INTEGER,
  inodes INTEGER,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (namespace, snapshotter, key),
  FOREIGN KEY (namespace, snapshotter, parent) REFERENCES snapshots (namespace, snapshotter, key)
    DEFERRABLE INITIALLY DEFERRED
) STRICT, WITHOUT ROWID;
CREATE INDEX snapshots_by_parent ON snapshots (namespace, snapshotter, parent);
CREATE INDEX snapshots_by_directory ON snapshots (directory_id);
CREATE INDEX snapshots_by_chain ON snapshots (snapshotter, chain_id) WHERE chain_id <> '';

CREATE TABLE leases (
  namespace TEXT NOT NULL REFERENCES namespaces (name) ON DELETE CASCADE,
  id TEXT NOT NULL,
  labels TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (namespace, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE lease_resources (
  namespace TEXT NOT NULL,
  lease TEXT NOT NULL,
  type TEXT NOT NULL,
  resource TEXT NOT NULL,
  PRIMARY KEY (namespace, lease, type, resource),
  FOREIGN KEY (namespace, lease) REFERENCES leases (namespace, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE sequences (
  name TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
`;

/** Each step takes the schema from its index to the next version. Never edited once released, only added to. */
const MIGRATIONS: readonly string[] = [VERSION_1];

/** Marks the file as ours: "ctrd" in ASCII. */
const APPLICATION_ID = 0x63747264;

/** Throws FailedPrecondition for the database of a newer ctr, or of another program, which stays untouched. */
export function isSchemaCurrent(database: Database, path: string): boolean {
  const isCurrent = () =>
    readPragma(database, "user_version") === MIGRATIONS.length &&
    readPragma(database, "application_id") === APPLICATION_ID;
  if (isCurrent()) return true;
  // Judged from one moment: another process may be making the schema right now.
  return inTransaction(database, "BEGIN", () => {
    requireOurs(database, path);
    return isCurrent();
  });
}

/** Runs what is missing in one transaction; of several processes the first does it, the others find it done. */
export function bringSchemaUp(database: Database): void {
  inTransaction(database, "BEGIN IMMEDIATE", () => {
    for (const migration of MIGRATIONS.slice(readPragma(database, "user_version"))) database.run(migration);
    database.run(`PRAGMA user_version = ${MIGRATIONS.length}`);
    database.run(`PRAGMA application_id = ${APPLICATION_ID}`);
  });
}

function requireOurs(database: Database, path: string): void {
  const version = readPragma(database, "user_version");
  const application = readPragma(database, "application_id");
  const isNew = version === 0 && application === 0 && isEmpty(database);
  if (!isNew && application !== APPLICATION_ID) {
    throw new CtrError("FailedPrecondition", `metadata database ${path} belongs to another program`);
  }
  if (version > MIGRATIONS.length) {
    throw new CtrError(
      "FailedPrecondition",
      `metadata database ${path} has version ${version}, this ctr knows up to ${MIGRATIONS.length}`,
      { hint: "use the newer ctr that wrote it" },
    );
  }
}

function inTransaction<T>(database: Database, begin: string, work: () => T): T {
  database.run(begin);
  try {
    const result = work();
    database.run("COMMIT");
    return result;
  } catch (error) {
    if (database.inTransaction) database.run("ROLLBACK");
    throw error;
  }
}

function readPragma(database: Database, name: "user_version" | "application_id"): number {
  const [[value]] = database.query(`PRAGMA ${name}`).values() as [[number]];
  return value;
}

function isEmpty(database: Database): boolean {
  return database.query("SELECT 1 FROM sqlite_master LIMIT 1").get() === null;
}
