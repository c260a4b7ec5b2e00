/**
 * One task's directory. All that is known of a task is here, so that it can be listed, ended and removed whoever
 * was killed:
 *
 *     config.json      the OCI runtime spec; a FIFO      log.json        what runc says about itself
 *                      until there is one
 *     task.json        how it was made (TaskRecord)      init.pid        written by runc
 *     init.json        its first process; without it     rootfs/         where the snapshot is mounted
 *                      the directory is litter           supervisor.sock, supervisor.log
 *     exit.json        how that process ended            stdin stdout stderr   FIFOs of an attached task
 *     execs/ID/        the same for one exec: process.json, exec.json, exit.json, pid, log.json, FIFOs
 *
 * The supervisor holds an exclusive flock on the directory for as long as it lives. Records are replaced by rename;
 * they are not synced: the directory is of one boot, and what a power cut leaves in it describes nothing that lives.
 */
import { CtrError, hasCode } from "../core/errors.ts";
import type { Announcement, EventPublisher } from "../core/events.ts";
import type { Exit } from "../core/task.ts";
import { readSmallFile, replaceSmallFile } from "../sys/small-file.ts";
import { isExecRecord, isExitRecord, isInitRecord, isTaskRecord } from "./record-shapes.ts";
import type { ExecRecord, ExitRecord, InitRecord, TaskRecord } from "./records.ts";

export interface Bundle {
  readonly id: string;
  readonly path: string;
  /** Tells of the task in its namespace. */
  publish(...announcement: Announcement): void;
}

/** How a process ended that nobody saw end, or wrote of as we do. */
export const UNSEEN: Exit = { status: 255, at: undefined };

/** At `<state>/tasks/NAMESPACE/ID`. */
export function bundleAt(path: string, events: EventPublisher): Bundle {
  const [namespace = "", id = ""] = path.split("/").slice(-2);
  return { path, id, publish: (...announcement) => events.publish(namespace, ...announcement) };
}

export function execDir(bundle: Bundle, execId: string): string {
  return `${bundle.path}/execs/${execId}`;
}

export function socketPath(bundle: Bundle): string {
  return `${bundle.path}/supervisor.sock`;
}

/** What is there but is none of ours, or another version's, throws DataLoss. */
export const readTaskRecord = (bundle: Bundle) =>
  readRecord<TaskRecord>(taskRecordPath(bundle), isTaskRecord, bundle);
export const readInitRecord = (bundle: Bundle) =>
  readRecord<InitRecord>(`${bundle.path}/init.json`, isInitRecord, bundle);
export const readExecRecord = (bundle: Bundle, execId: string) =>
  readRecord<ExecRecord>(execRecordPath(bundle, execId), isExecRecord, bundle);

/** Of the first process, or of an exec. How it ended nobody can tell by a record that is none of ours. */
export function readExit(bundle: Bundle, execId?: string): Exit | undefined {
  const directory = execId === undefined ? bundle.path : execDir(bundle, execId);
  const record = findRecord<ExitRecord>(`${directory}/exit.json`);
  if (record === undefined) return undefined;
  return isExitRecord(record) ? { status: record.status, at: new Date(record.at) } : UNSEEN;
}

/** Whether it has, or had, a first process, whatever can be told of it. */
export const isCreated = (bundle: Bundle): boolean => readSmallFile(`${bundle.path}/init.json`) !== undefined;

/** Whether its creation got as far as saying how it is made. */
export const isBegun = (bundle: Bundle): boolean => readSmallFile(taskRecordPath(bundle)) !== undefined;

/** A record, for those who go on without one that cannot be read. */
export function ifReadable<T>(read: () => T | undefined): T | undefined {
  try {
    return read();
  } catch (error) {
    if (hasCode(error, "DataLoss")) return undefined;
    throw error;
  }
}

/** Replaces the file at once for every reader. */
export function writeRecord(path: string, record: object): void {
  replaceSmallFile(path, JSON.stringify(record), 0o600);
}

export const configPath = ({ path }: Bundle): string => `${path}/config.json`;
export const taskRecordPath = ({ path }: Bundle): string => `${path}/task.json`;
export const execRecordPath = (bundle: Bundle, execId: string): string =>
  `${execDir(bundle, execId)}/exec.json`;

/** `undefined` when there is none. */
function readRecord<T>(path: string, isOne: (record: Partial<T>) => boolean, { id }: Bundle): T | undefined {
  const record = findRecord<T>(path);
  if (record === undefined || isOne(record)) return record as T | undefined;
  throw new CtrError("DataLoss", `record ${path}`, {
    hint: `it is damaged, or another version's: end and remove the task with: ctr tasks delete --force ${id}`,
  });
}

/** Whatever is there; of what is no object, nothing. `undefined` when there is none. */
export function findRecord<T>(path: string): Partial<T> | undefined {
  const text = readSmallFile(path);
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Partial<T>) : {};
  } catch {
    return {};
  }
}
