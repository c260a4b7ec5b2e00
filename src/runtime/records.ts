/** What the files of a bundle hold (`bundle.ts`). */
import type { Mount } from "../core/mount.ts";
import type { Runc } from "./runc.ts";

/** Where processes' streams end. `fifo` can be attached to again, `log` be read from its file. */
export type OutputKind = "fifo" | "caller" | "log" | "null" | "uri" | "terminal";

/** Of one process. */
export interface OutputPlaces {
  output: OutputKind;
  /** Directory of the FIFOs; that of the task, or of the exec, unless the caller chose another. */
  fifoDir: string;
  logPath: string;
  /** When the log grew (stdio/log-times.ts); of a task alone, and not of one that an older version made. */
  timesPath?: string;
}

/** How the runtime is called to make the container. */
export interface RuntimeCallRecord {
  runc: Runc;
  noPivot: boolean;
  terminal: boolean;
  checkpointDir?: string;
  /** SELinux' for the processes of that checkpoint. */
  restoredLabel?: string;
}

/** What is known of a task while its container is still being made. */
export interface AheadRecord extends RuntimeCallRecord {
  /** As in `RunTask`. */
  whenAbandoned?: readonly string[];
}

export interface TaskRecord extends AheadRecord, OutputPlaces {
  namespace: string;
  /** Without one of its own, its other processes outlive the first unless they are killed. */
  hasPidNamespace: boolean;
  /** As in its spec, where that limits its memory: without a limit the kernel kills no process for its sake. */
  limitedCgroup?: string;
  /** Run by `runc delete`; they may look at the bundle. */
  hasPoststopHooks: boolean;
  /** SELinux' for the streams of confined processes, those of execs too. */
  streamLabel?: string;
  /** Mounted at `rootfs`. */
  mounts: readonly Mount[];
}

/** A process as it can be recognised for as long as this boot lasts. */
export interface ProcessIdentity {
  pid: number;
  startTicks: number;
}

export interface InitRecord extends ProcessIdentity {
  started: boolean;
}

export interface ExecRecord extends ProcessIdentity, OutputPlaces {
  /** Tells the one request that belongs to this directory from one that a killed client left on its way. */
  claim: string;
  terminal: boolean;
}

export interface ExitRecord {
  status: number;
  /** RFC 3339. */
  at: string;
}
