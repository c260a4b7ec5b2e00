import type { SQLQueryBindings } from "bun:sqlite";
import { CtrError } from "../core/errors.ts";
import type { Announcement } from "../core/events.ts";
import { compileFilters, type FieldOf } from "../core/filters.ts";
import { validateIdentifier } from "../core/identifier.ts";
import type { Labels } from "../core/labels.ts";
import type { Draft, RecordStore } from "../core/records.ts";
import type { Connection, Row } from "./connection.ts";

export interface Times {
  createdAt: Date;
  updatedAt: Date;
}

/** What it answers may be shared by records and is not to be changed. */
// biome-ignore lint/suspicious/noExplicitAny: as JSON.parse
export type JsonParser = (text: string) => any;

/** What tells one noun's table from another's. */
export interface TableDefinition<T extends Times> {
  table: string;
  /** Column of the name within the namespace. */
  key: string;
  /** Columns besides namespace, key and times, in the order of `toValues`. */
  columns: readonly string[];
  keyOf(record: Draft<T>): string;
  toValues(record: Draft<T>): SQLQueryBindings[];
  fromRow(row: Row, parseJson: JsonParser): T;
  fieldOf: FieldOf<T>;
  /** `image "x"`: what the error sentence starts with. */
  subject(key: string): string;
  /** The same where it is not found, if that reads differently. */
  missing?(key: string): string;
  /** Throws InvalidArgument. `previous` is there in an update. */
  validate(record: Draft<T>, previous?: T): void;
  /** What is published of a change, if anything. */
  created(record: Draft<T>): Announcement;
  updated?(record: Draft<T>): Announcement;
  deleted(key: string): Announcement;
}

/** The store of one namespace over one table. */
export function createRecordStore<T extends Times>(
  connection: Connection,
  namespace: string,
  definition: TableDefinition<T>,
): RecordStore<T> {
  const { table, key, columns, subject, missing = subject } = definition;
  const all = [key, ...columns, "created_at", "updated_at"].join(", ");
  const marks = columns.map(() => "?").join(", ");
  const assignments = columns.map((column) => `${column} = ?`).join(", ");
  const here = `WHERE namespace = ? AND ${key} = ?`;

  const get = (id: string): T => {
    const row = connection.get(`SELECT ${all} FROM ${table} ${here}`, namespace, id);
    if (!row) throw new CtrError("NotFound", missing(id));
    return definition.fromRow(row, JSON.parse);
  };

  return {
    get,
    list(filters) {
      const matches = compileFilters(filters, definition.fieldOf);
      const rows = connection.all(
        `SELECT ${all} FROM ${table} WHERE namespace = ? ORDER BY ${key}`,
        namespace,
      );
      const parseJson = createRememberingParser();
      return rows.map((row) => definition.fromRow(row, parseJson)).filter(matches);
    },
    create(draft) {
      definition.validate(draft);
      const id = definition.keyOf(draft);
      const now = new Date();
      return connection.transaction(() => {
        ensureNamespace(connection, namespace);
        const inserted = connection.run(
          `INSERT INTO ${table} (namespace, ${all}) VALUES (?, ?, ${marks}, ?, ?) ON CONFLICT DO NOTHING`,
          ...[namespace, id, ...definition.toValues(draft), now.getTime(), now.getTime()],
        );
        if (inserted === 0) throw new CtrError("AlreadyExists", subject(id));
        connection.announce(namespace, ...definition.created(draft));
        return withTimes<T>(draft, { createdAt: now, updatedAt: now });
      });
    },
    update(id, change) {
      return connection.transaction(() => {
        const previous = get(id);
        const draft = change(previous);
        if (definition.keyOf(draft) !== id)
          throw new CtrError("InvalidArgument", `${subject(id)} cannot be renamed`);
        definition.validate(draft, previous);
        const now = new Date();
        connection.run(
          `UPDATE ${table} SET ${assignments}, updated_at = ? ${here}`,
          ...[...definition.toValues(draft), now.getTime(), namespace, id],
        );
        if (definition.updated) connection.announce(namespace, ...definition.updated(draft));
        return withTimes<T>(draft, { createdAt: previous.createdAt, updatedAt: now });
      });
    },
    delete(id) {
      connection.transaction(() => {
        const deleted = connection.run(`DELETE FROM ${table} ${here}`, namespace, id);
        if (deleted === 0) throw new CtrError("NotFound", missing(id));
        connection.announce(namespace, ...definition.deleted(id));
      });
    },
  };
}

/** Part of the transaction that writes the first row of a namespace. */
export function ensureNamespace(connection: Connection, name: string): void {
  if (connection.get("SELECT 1 FROM namespaces WHERE name = ?", name)) return;
  validateIdentifier(name);
  connection.run("INSERT INTO namespaces (name) VALUES (?)", name);
}

export function timesOf(row: Row): Times {
  return { createdAt: new Date(row.created_at as number), updatedAt: new Date(row.updated_at as number) };
}

export function parseLabelsColumn(text: Row[string]): Labels {
  return JSON.parse(text as string);
}

/** The rows of a listing say much the same: a thousand containers of one image have the same labels. */
function createRememberingParser(): JsonParser {
  const parsed = new Map<string, unknown>();
  return (text) => {
    if (!parsed.has(text)) parsed.set(text, JSON.parse(text));
    return parsed.get(text);
  };
}

function withTimes<T extends Times>(draft: Draft<T>, times: Times): T {
  return { ...draft, ...times } as T;
}
