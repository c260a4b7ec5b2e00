/**
 * What a client and a task's supervisor say to each other: one JSON object per line, each way. Requests of one
 * connection are taken up in order and answered when they are done, so answers carry their request's number.
 * The first connection is inherited (descriptor 3) and begins with `create`; others come by the unix socket.
 */
import { CtrError, type ErrorCode } from "../../core/errors.ts";
import type { Exit } from "../../core/task.ts";
import type { AheadRecord, ProcessIdentity } from "../records.ts";

/** What a process' stream is opened from. */
export type StreamSource =
  | { kind: "null" }
  | { kind: "fifo"; path: string }
  /** Times of what is appended are recorded at `timesPath`, where there is one. */
  | { kind: "append"; path: string; mode: number; isBounded: boolean; timesPath?: string }
  /** A pipe of the calling process. */
  | { kind: "caller"; process: ProcessIdentity; fd: number }
  /** The logging program of the plan. */
  | { kind: "logger" };

export interface LoggerPlan {
  command: string[];
  /** Beside what every program gets. */
  environment: Record<string, string>;
}

export interface StdioPlan {
  stdin: StreamSource;
  stdout: StreamSource;
  stderr: StreamSource;
  logger?: LoggerPlan;
}

export type Request =
  /**
   * With `start` the container is created and started by one call of the runtime. One that is restored is made by one
   * call in any case, which waits for `start` where its namespaces are there. What the runtime is told, task.json says;
   * or `ahead`, and then task.json is there by the time the runtime gets its spec (awaited-config.ts).
   */
  | { op: "create"; start: boolean; stdio: StdioPlan; ahead?: AheadRecord }
  | { op: "start" }
  /** From the runtime's hook in a restore: answered when the container may go on. */
  | { op: "passGate"; pid: number }
  /** `attached`: nobody but this client will want its exit; it is removed at its end when the client has died. */
  | { op: "exec"; execId: string; claim: string; stdio: StdioPlan; attached: boolean }
  /** Answered at the end of the process. `thenDelete` removes it before the answer. */
  | { op: "wait"; execId?: string; thenDelete?: boolean }
  | { op: "resize"; execId?: string; columns: number; rows: number }
  | { op: "closeStdin"; execId?: string }
  | { op: "deleteExec"; execId: string }
  /** Removes the stopped task, and ends the supervisor. */
  | { op: "delete" }
  /**
   * Does so at the end of the first process, unless this client has died by then. Answered when nothing is mounted,
   * and no task listed, any more; the rest goes afterwards.
   */
  | { op: "withdraw" }
  /** The client that withdrew the task has cleaned up after it, but for these trees, and goes. */
  | { op: "leave"; trees: readonly string[] }
  /** Pauses the container for as long as this connection lasts, or until it is told to `resume`. */
  | { op: "pause" }
  | { op: "resume" }
  /** Answered by one byte and the terminal's master (SCM_RIGHTS), or by a line with an error. */
  | { op: "console"; execId?: string };

export interface Answers {
  create: { pid: number };
  start: Record<string, never>;
  passGate: Record<string, never>;
  exec: { pid: number };
  wait: WireExit;
  resize: Record<string, never>;
  closeStdin: Record<string, never>;
  deleteExec: WireExit;
  delete: WireExit;
  withdraw: WireExit;
  leave: Record<string, never>;
  pause: Record<string, never>;
  resume: Record<string, never>;
  console: Record<string, never>;
}

export interface WireExit {
  status: number;
  /** RFC 3339. */
  at?: string;
}

export interface WireError {
  code: ErrorCode;
  message: string;
  hint?: string;
}

export type Reply = { n: number; result: object } | { n: number; error: WireError };

export function toWireExit({ status, at }: Exit): WireExit {
  return { status, at: at?.toISOString() };
}

export function fromWireExit({ status, at }: WireExit): Exit {
  return { status, at: at === undefined ? undefined : new Date(at) };
}

export function toWireError(error: unknown): WireError {
  if (error instanceof CtrError) return { code: error.code, message: error.message, hint: error.hint };
  return { code: "Unknown", message: `${error instanceof Error ? error.message : error}: unknown` };
}

/** The same class, text and hint as on the other side. */
export function fromWireError({ code, message, hint }: WireError): CtrError {
  const error = new CtrError(code, "", { hint });
  error.message = message;
  return error;
}
