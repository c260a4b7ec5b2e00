import type { Metrics } from "./metrics.ts";
import type { Mount } from "./mount.ts";

/** `unknown` is a task whose record cannot be read. */
export type TaskStatus = "created" | "running" | "pausing" | "paused" | "stopped" | "unknown";

/** How a process ended: its own status, or 128 + N for signal N. */
export interface Exit {
  /** 255 when nobody was there to see it (the supervisor was killed before the container ended). */
  status: number;
  /** Undefined when nobody was there to see it. */
  at: Date | undefined;
}

/** File descriptors of the calling process; 0, 1 and 2 unless said otherwise. */
export interface CallerStreams {
  stdin: number;
  stdout: number;
  stderr: number;
}

/**
 * Where a process' standard streams go. With `process.terminal` in its spec, `attached` joins its terminal with the
 * caller's, which must be one; `null` and `uri` are InvalidArgument then.
 *
 * - `attached`: to the caller, now. Pipes and /dev/null of the caller's are handed to the container themselves; all
 *   else (terminals, files) is copied through FIFOs by the caller, so that no inode of the host leaks in.
 *   `fifoDir` is the parent of the directory that holds these FIFOs; default the task's own.
 * - `log`: detached. Output is appended to the task's log file (`Task.logPath`), stdin stays open for `attach`.
 *   With a terminal, its output waits for `attach`, as much as the terminal's buffer holds.
 * - `null`: reads nothing, writes nowhere.
 * - `uri`: `file:///PATH` appends both streams to PATH; `binary:///PATH?ARG=VALUE` starts PATH by containerd's
 *   logging protocol (fd 3 its stdin from our stdout, 4 from our stderr, 5 closed by it when ready).
 */
export type ProcessIo =
  | { kind: "attached"; streams?: CallerStreams; fifoDir?: string }
  | { kind: "log"; fifoDir?: string }
  | { kind: "null" }
  | { kind: "uri"; uri: string };

/** How the OCI runtime is called; what is absent is the default. */
export interface RuntimeOptions {
  /** Name on PATH or path; default `runc`. */
  binary?: string;
  /** The runtime's state root (`runc --root`); default below the state directory, one per namespace. */
  root?: string;
  systemdCgroup?: boolean;
  noPivot?: boolean;
}

export interface CreateTask {
  /** The container's id, which is the task's too. */
  id: string;
  /** OCI runtime spec. A relative `root.path` is below the bundle; `rootfs` is where `mounts` end up. */
  spec: object;
  /** Mounted at the bundle's `rootfs`, in order; empty when the spec's `root.path` is a directory of the host. */
  mounts: readonly Mount[];
  io: ProcessIo;
  runtime?: RuntimeOptions;
  /** Absolute. Holds the decimal pid without newline, renamed into place before the process is started. */
  pidFile?: string;
  /**
   * Directory of a checkpoint (criu's images) to restore instead of starting afresh: `create` starts it then. The
   * images are changed to suit the streams. Who made them decides what the processes may do: criu runs as root.
   */
  checkpointDir?: string;
}

export interface StartTask extends CreateTask {
  /**
   * Between create and start, with the init's pid: for what needs its namespaces (CNI). In a restore, when these are
   * there and none of its processes goes on yet. A failure ends the task and is thrown on. Without it create and start
   * are one step. `interrupted` aborts when a signal that ends programs comes meanwhile, which would else be kept for
   * the container, or end the caller.
   */
  beforeStart?: (pid: number, interrupted: AbortSignal | undefined) => Promise<void>;
  /**
   * Command line that the supervisor starts, detached, when the task has ended and the caller is no longer there to
   * clean up after it; a client of `run` that was killed, or one that never meant to stay. A task that its caller has
   * left before it was started is removed then. The supervisor has exited, or is about to, by then.
   */
  whenAbandoned?: readonly string[];
}

export interface RunTask extends StartTask {
  /**
   * What else the caller removes at the end of the process: begun then, beside the removal of the task itself. Answers
   * the paths of trees that nobody will look for any more. The task is not listed, and nothing of it mounted, when
   * `Attachment.ended` settles; its last files and cgroups go moments later, for which whoever takes its id waits,
   * and then those trees. Also after a failure between create and start.
   */
  besideRemoval?: () => Promise<readonly string[]>;
}

/**
 * What is known of a task while its container is still being made, so that the OCI runtime can be started meanwhile.
 * Only for one whose streams are `attached`, with FIFOs in its own directory, that has no terminal, and to which
 * nothing is done between create and start.
 */
export interface Prelaunch {
  streams?: CallerStreams;
  /** This and the next as the request will say. */
  runtime?: RuntimeOptions;
  /** Of a caller that is killed before there is a task too. */
  whenAbandoned?: readonly string[];
}

/** A process in a running container. */
export interface ExecProcess {
  execId: string;
  /** `process` of the OCI runtime spec. */
  process: object;
  io: ProcessIo;
  /** As `CreateTask.pidFile`. */
  pidFile?: string;
}

/** A process whose streams are joined with the caller's. */
export interface Attachment {
  readonly pid: number;
  /**
   * Settles when the process has ended and the last byte of its output is written; terminal and flags of the
   * caller's descriptors are restored by then. An attached task or exec is then deleted too.
   */
  readonly ended: Promise<Exit>;
}

export interface ProcessInfo {
  /** As the host sees it. */
  pid: number;
  /** Of the exec that this process was started as. */
  execId?: string;
}

export interface ReadLogOptions {
  /** Goes on until the task has ended. */
  follow?: boolean;
  /** Begins with so many of the lines that there are. */
  tailLines?: number;
  /**
   * Puts before each line the time at which it began, RFC 3339 in UTC with nanoseconds, and a blank. It is true to a
   * tenth of a second, or to some 64 bytes of the log where little came for long; of what was written after the task's
   * supervisor was killed, all that is known is when the log last changed. Throws NotFound when no times were recorded.
   */
  timestamps?: boolean;
  /** Leaves out lines that began before, as far as `timestamps` would tell; throws as they do. */
  since?: Date;
  /** Called when there are such lines after the supervisor's end, and their times count. */
  onTimesLost?: () => void;
  signal?: AbortSignal;
}

export interface ExecInfo {
  execId: string;
  pid: number;
  status: "running" | "stopped";
  exit?: Exit;
}

/**
 * One container's processes. Every answer is taken from the disk and the kernel when asked, whatever other
 * programs did and whoever was killed; nothing is cached but `id` and `logPath`.
 *
 * Methods throw NotFound once the task is deleted: `task ID: not found`.
 */
export interface Task {
  readonly id: string;
  /** Where `log` output goes; holds the last part only, see `readLog`. */
  readonly logPath: string;
  /** Of the init process; 0 when it is not known. */
  pid(): Promise<number>;
  status(): Promise<TaskStatus>;
  /** Of a stopped task; undefined before. */
  exit(): Promise<Exit | undefined>;
  /** Throws FailedPrecondition when it is not `created`. */
  start(): Promise<void>;
  /** Until the init process (or that exec) has ended. Also for a task without supervisor. Throws NotFound for the exec. */
  wait(execId?: string): Promise<Exit>;
  /**
   * Throws NotFound for a process that has ended (`process already finished`) or an unknown exec. `all` signals
   * every process of the container.
   */
  kill(signal: number, options?: { all?: boolean; execId?: string }): Promise<void>;
  /**
   * Removes what the task left: runtime state, cgroups, mounts, bundle. Throws FailedPrecondition while it runs,
   * unless `force`, which kills first. Finishes a half-made or half-deleted task too. An exit nobody saw is 255.
   */
  delete(options?: { force?: boolean }): Promise<Exit>;
  /** Throws FailedPrecondition while the exec runs, NotFound. */
  deleteExec(execId: string): Promise<Exit>;
  /**
   * Starts a process in the container; answers its pid, or with `attached` streams an Attachment. Throws
   * AlreadyExists for an exec id in use (a finished detached exec holds its id until `deleteExec`), Unknown in a
   * container that does not run (`cannot exec in a paused state`) and with the runtime's own words.
   */
  exec(request: ExecProcess & { io: { kind: "attached" } }): Promise<Attachment>;
  exec(request: ExecProcess): Promise<Attachment | number>;
  execs(): Promise<ExecInfo[]>;
  /**
   * Joins the caller with the streams of the task: output since the last attachment ended (as the FIFOs of the
   * real ctr give it), then live. Signals sent to the caller are forwarded when there is no terminal.
   */
  attach(streams?: CallerStreams): Promise<Attachment>;
  /** The log's bytes, oldest kept first. Throws NotFound without a log. */
  readLog(options?: ReadLogOptions): AsyncIterable<Uint8Array>;
  /** Empty for a stopped task. */
  processes(): Promise<ProcessInfo[]>;
  /** Of a stopped task too, for as long as it is not deleted. Throws NotFound where it has no cgroups. */
  metrics(): Promise<Metrics>;
  /** Throws Unknown with ctr's words for a task that does not run, or is not paused. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Of the terminal. */
  resize(columns: number, rows: number, execId?: string): Promise<void>;
  /** The process reads what was written, then EOF. */
  closeStdin(execId?: string): Promise<void>;
  /**
   * Runs the work while the task stands still. It goes on afterwards, also when this process is killed meanwhile: its
   * supervisor sees to that. One that is paused already stays so; else throws as `pause`.
   */
  pausedDuring<T>(work: () => Promise<T>): Promise<T>;
  /**
   * Has criu write the processes into a directory, made when it is missing; they go on. criu's own files, its log
   * among them, go to `workDir`, or else are gone afterwards. Throws NotFound naming the package for a missing criu,
   * Unknown with criu's words.
   */
  checkpoint(options: { imageDir: string; workDir?: string }): Promise<void>;
}

/** The tasks of one namespace, bound when it is opened. */
export interface Tasks {
  /**
   * Makes the bundle, starts the supervisor and creates the container. Litter of a creation or deletion that was
   * killed is cleaned away first; a failure leaves nothing. Throws AlreadyExists (`task ID: already exists`),
   * NotFound naming the package for a missing runtime, the runtime's own words as Unknown
   * (`failed to create shim task: OCI runtime create failed: …`).
   *
   * A promise as `request` lets the supervisor start while the caller still prepares.
   */
  create(id: string, request: CreateTask | Promise<CreateTask>): Promise<Task>;
  /** As `create` and `Task.start`, in one call of the runtime where it can be. */
  start(id: string, request: StartTask | Promise<StartTask>): Promise<Task>;
  /**
   * As `start`, then streams, waits and deletes. Throws InvalidArgument for streams that are not `attached`, and for a
   * task that `prelaunch` is not for.
   */
  run(id: string, request: RunTask | Promise<RunTask>, prelaunch?: Prelaunch): Promise<Attachment>;
  /** Throws NotFound (`task ID: not found`). */
  get(id: string): Promise<Task>;
  /** Waits until nobody is creating a task of that id any more. Throws Unavailable when that takes too long. */
  settled(id: string): Promise<void>;
  /** In id order; may miss concurrent changes and never throws for them. */
  list(): Promise<Task[]>;
}
