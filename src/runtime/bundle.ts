/**
 * One task's directory. All that is known of a task is here, so that it can be listed, ended and removed whoever
 * was killed:
 *
 *     config.json      the OCI runtime spec              log.json        what runc says about itself
 *     task.json        how it was made (TaskRecord)      init.pid        written by runc
 *     init.json        its first process; without it     rootfs/         where the snapshot is mounted
 *                      the directory is litter           supervisor.sock, supervisor.log
 *     exit.json        how that process ended            stdin stdout stderr   FIFOs of an attached task
 *     execs/ID/        the same for one exec: process.json, exec.json, exit.json, pid, log.json, FIFOs
 *
 * The supervisor holds an exclusive flock on the directory for as long as it lives. Records are replaced by rename;
 * they are not synced: the directory is of one boot, and what a power cut leaves in it describes nothing that lives.
 */
import type { Announcement, EventPublisher } from "../core/events.ts";
import type { Mount } from "../core/mount.ts";
import type { Exit } from "../core/task.ts";
import { readSmallFile, replaceSmallFile } from "../sys/small-file.ts";
import type { Runc } from "./runc.ts";

export interface Bundle {
  readonly id: string;
  readonly path: string;
  /** Tells of the task in its namespace. */
  publish(...announcement: Announcement): void;
}

/** Where processes' streams end. `fifo` can be attached to again, `log` be read from its file. */
export type OutputKind = "fifo" | "caller" | "log" | "null" | "uri" | "terminal";

export interface TaskRecord {
  namespace: string;
  runc: Runc;
  noPivot: boolean;
  terminal: boolean;
  /** Without one of its own, its other processes outlive the first unless they are killed. */
  hasPidNamespace: boolean;
  /** As in its spec, where that limits its memory: without a limit the kernel kills no process for its sake. */
  limitedCgroup?: string;
  /** Run by `runc delete`; they may look at the bundle. */
  hasPoststopHooks: boolean;
  /** Mounted at `rootfs`. */
  mounts: readonly Mount[];
  output: OutputKind;
  /** Directory of the FIFOs; the bundle itself unless the caller chose another. */
  fifoDir: string;
  logPath: string;
  checkpointDir?: string;
  /** As in `RunTask`. */
  whenAbandoned?: readonly string[];
}

/** A process as it can be recognised for as long as this boot lasts. */
export interface ProcessIdentity {
  pid: number;
  startTicks: number;
}

export interface InitRecord extends ProcessIdentity {
  started: boolean;
}

export interface ExecRecord extends ProcessIdentity {
  /** Tells the one request that belongs to this directory from one that a killed client left on its way. */
  claim: string;
  terminal: boolean;
  output: OutputKind;
  fifoDir: string;
  logPath: string;
}

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

export const readTaskRecord = (bundle: Bundle) => readRecord<TaskRecord>(`${bundle.path}/task.json`);
export const readInitRecord = (bundle: Bundle) => readRecord<InitRecord>(`${bundle.path}/init.json`);
export const readExecRecord = (bundle: Bundle, execId: string) =>
  readRecord<ExecRecord>(`${execDir(bundle, execId)}/exec.json`);

/** Of the first process, or of an exec. */
export function readExit(bundle: Bundle, execId?: string): Exit | undefined {
  const directory = execId === undefined ? bundle.path : execDir(bundle, execId);
  const record = readRecord<{ status: number; at: string }>(`${directory}/exit.json`);
  return record && { status: record.status, at: new Date(record.at) };
}

/** Replaces the file at once for every reader. */
export function writeRecord(path: string, record: object): void {
  replaceSmallFile(path, JSON.stringify(record), 0o600);
}

/** `undefined` when there is none. */
function readRecord<T>(path: string): T | undefined {
  const text = readSmallFile(path);
  return text === undefined ? undefined : (JSON.parse(text) as T);
}
