import { Database, SQLiteError, type SQLQueryBindings } from "bun:sqlite";
import { accessSync, chmodSync, closeSync, constants, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { CtrError, type ErrorCode, withSubject } from "../core/errors.ts";
import type { Announcement, EventPublisher } from "../core/events.ts";
import { asSysError, hasErrno } from "../sys/errno.ts";
import { bringSchemaUp, isSchemaCurrent } from "./schema.ts";

export type Row = Record<string, string | number | null>;

/** How long a statement waits for other processes. Transactions last milliseconds: only a stopped process takes longer. */
const BUSY_TIMEOUT_MS = 60_000;

const CODES: Readonly<Record<string, readonly [code: ErrorCode, what: string, hint?: string]>> = {
  SQLITE_BUSY: ["Unavailable", "is locked by another process", "look for a stopped ctr process"],
  SQLITE_FULL: ["ResourceExhausted", "cannot grow: the disk is full", "free some space on that disk"],
  SQLITE_IOERR_SHMSIZE: [
    "ResourceExhausted",
    "cannot be opened: the disk is full",
    "free some space on that disk",
  ],
  SQLITE_NOTADB: ["DataLoss", "is not a database", "move the file away, or restore it from a copy"],
  SQLITE_CORRUPT: [
    "DataLoss",
    "is damaged",
    "restore it from a copy, or recover it with `sqlite3 FILE .recover`",
  ],
  SQLITE_READONLY: ["PermissionDenied", "cannot be written", "run this as root"],
  SQLITE_PERM: ["PermissionDenied", "cannot be opened", "run this as root"],
  SQLITE_CANTOPEN: ["PermissionDenied", "cannot be opened", "run this as root"],
};

/**
 * The one handle on the database file, opened by its first use. A file that is not there reads as an empty database
 * and is made by the first transaction, so that listings leave a fresh machine as it was. Any number of processes may
 * do all of this at once. Every SQLite failure leaves here as a `CtrError`.
 */
export class Connection {
  readonly path: string;
  readonly #events: EventPublisher | undefined;
  #database: Database | undefined;
  #isDurable = true;
  #isInTransaction = false;
  #announced: { namespace: string; announcement: Announcement }[] = [];
  #deferrals = 0;

  constructor(path: string, events?: EventPublisher) {
    this.path = path;
    this.#events = events;
  }

  all(sql: string, ...values: SQLQueryBindings[]): Row[] {
    return this.#guard(
      () =>
        (this.#open()
          ?.query(sql)
          .all(...values) ?? []) as Row[],
    );
  }

  get(sql: string, ...values: SQLQueryBindings[]): Row | undefined {
    return this.#guard(
      () =>
        (this.#open()
          ?.query(sql)
          .get(...values) ?? undefined) as Row | undefined,
    );
  }

  /** Answers how many rows changed. */
  run(sql: string, ...values: SQLQueryBindings[]): number {
    return this.transaction(() =>
      this.#guard(
        () =>
          this.#open()!
            .query(sql)
            .run(...values).changes,
      ),
    );
  }

  /**
   * Runs `work` as one change that is on disk when this returns (but see `deferDurability`), or did not happen when it
   * throws. A call inside of another joins it. `work` must be synchronous: it holds up every other writer.
   */
  transaction<T>(work: () => T): T {
    if (this.#isInTransaction) return work();
    const database = this.#guard(() => this.#create());
    this.#setDurability(database);
    // Immediate: a transaction that reads first and then writes would fail at once, whatever the timeout, when
    // another process wrote in between.
    this.#guard(() => database.run("BEGIN IMMEDIATE"));
    this.#isInTransaction = true;
    try {
      const result = work();
      if (result instanceof Promise) throw new TypeError("a transaction cannot wait for a promise");
      this.#guard(() => database.run("COMMIT"));
      for (const { namespace, announcement } of this.#announced) {
        this.#events?.publish(namespace, ...announcement);
      }
      return result;
    } catch (error) {
      // A full disk makes SQLite roll back by itself.
      if (database.inTransaction) database.run("ROLLBACK");
      throw error;
    } finally {
      this.#isInTransaction = false;
      this.#announced = [];
    }
  }

  /** Publishes, once the transaction has been committed that this is part of. */
  announce(namespace: string, ...announcement: Announcement): void {
    this.#announced.push({ namespace, announcement });
  }

  /** See `Metadata.deferDurability`. */
  deferDurability(): Disposable {
    this.#deferrals++;
    let isHeld = true;
    return {
      [Symbol.dispose]: () => {
        if (isHeld) this.#deferrals--;
        isHeld = false;
      },
    };
  }

  /** Runs `work`, which only reads, so that all its statements see the same moment. */
  snapshot<T>(work: () => T): T {
    const database = this.#isInTransaction ? undefined : this.#guard(() => this.#open());
    if (!database || database.inTransaction) return work();
    this.#guard(() => database.run("BEGIN"));
    try {
      return work();
    } finally {
      database.run("COMMIT");
    }
  }

  close(): void {
    this.#database?.close();
    this.#database = undefined;
  }

  #open(): Database | undefined {
    if (this.#database) return this.#database;
    try {
      accessSync(this.path);
    } catch (error) {
      if (hasErrno(error, "ENOENT")) return undefined;
      throw asSysError(error);
    }
    return this.#attach();
  }

  #create(): Database {
    const existing = this.#open();
    if (existing) return existing;
    try {
      makePrivateFile(this.path);
    } catch (error) {
      throw asSysError(error, this.path);
    }
    return this.#attach();
  }

  #attach(): Database {
    const database = new Database(this.path, { readwrite: true });
    try {
      database.run(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
      if (!isSchemaCurrent(database, this.path)) {
        useWriteAheadLog(database);
        bringSchemaUp(database);
      }
      database.run("PRAGMA synchronous = FULL");
      database.run("PRAGMA foreign_keys = ON");
    } catch (error) {
      database.close();
      throw error;
    }
    this.#database = database;
    return database;
  }

  /** A commit that was answered must outlive a power cut; NORMAL would lose the last ones, never one before another. */
  #setDurability(database: Database): void {
    const isDurable = this.#deferrals === 0;
    if (isDurable === this.#isDurable) return;
    this.#guard(() => database.run(`PRAGMA synchronous = ${isDurable ? "FULL" : "NORMAL"}`));
    this.#isDurable = isDurable;
  }

  #guard<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof SQLiteError)) throw error;
      // Extended codes, as SQLITE_IOERR_WRITE, start with their class.
      const known = Object.keys(CODES).find((name) => error.code?.startsWith(name));
      const [code, what, hint] = known ? CODES[known]! : (["Unknown", `failed: ${error.message}`] as const);
      const subject = `metadata database ${this.path} ${what}`;
      if (code === "PermissionDenied") this.#requireWritable(subject);
      throw new CtrError(code, subject, { cause: error, hint });
    }
  }

  /** SQLite does not say why; a read-only filesystem is no matter of rights. */
  #requireWritable(subject: string): void {
    try {
      accessSync(dirname(this.path), constants.W_OK);
    } catch (error) {
      throw withSubject(subject, asSysError(error));
    }
  }
}

/** SQLite would make it readable for all; its log and shared memory files take over this mode. */
function makePrivateFile(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const fd = openSync(path, "a", 0o600);
  closeSync(fd);
  chmodSync(path, 0o600);
}

/**
 * SQLite answers "busy" at once, without waiting, when several processes change the journal mode together: the one
 * that won has done it for all.
 */
function useWriteAheadLog(database: Database): void {
  const deadline = Date.now() + BUSY_TIMEOUT_MS;
  for (;;) {
    try {
      database.run("PRAGMA journal_mode = WAL");
      return;
    } catch (error) {
      const isBusy = error instanceof SQLiteError && error.code?.startsWith("SQLITE_BUSY");
      if (!isBusy || Date.now() > deadline) throw error;
      Bun.sleepSync(2);
    }
  }
}
