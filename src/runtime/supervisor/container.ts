import { CtrError } from "../../core/errors.ts";
import { isConfigAwaited, withdrawConfig } from "../awaited-config.ts";
import { type Bundle, ifReadable, readTaskRecord, writeRecord } from "../bundle.ts";
import type { AheadRecord, RuntimeCallRecord, TaskRecord } from "../records.ts";
import { abandonTask, removeTask, withdrawTask } from "../remove-task.ts";
import { callRunc } from "../runc.ts";
import type { OomWatch } from "./out-of-memory.ts";
import { type StartContext, type StartPlan, type SupervisedProcess, startProcess } from "./processes.ts";
import type { StdioPlan } from "./protocol.ts";
import type { End } from "./reaper.ts";
import { createRestoreGate } from "./restore-gate.ts";
import { tellCreation, tellExit } from "./tell.ts";

/** Below the bundle: criu's log, while it restores. */
export const RESTORE_DIR = "restore";

/** The container and its first process. */
export interface Container {
  /** As in task.json, once that is there and creation has begun. */
  readonly record: TaskRecord | undefined;
  /** The same, known before that when creation has begun ahead. */
  readonly whenAbandoned: readonly string[] | undefined;
  /** Throws FailedPrecondition before it is created. */
  readonly init: SupervisedProcess;
  /** Undefined until the first process has ended, and all that shared its pid namespace. */
  readonly end: End | undefined;
  /** Whether the first process has ended, the others maybe not yet. */
  readonly isEnding: boolean;
  /** Or being removed. */
  readonly isRemoved: boolean;
  /** Whether somebody has asked for more than its creation. */
  readonly isToRun: boolean;
  /**
   * A failure leaves nothing of the task; of one made `ahead`, whose client is at work in the bundle, when that has
   * gone. Answers the pid of its first process when it is created, or started; without `start` one that is restored is
   * held where its namespaces are there, and created only by `start`.
   */
  create(start: boolean, stdio: StdioPlan, ahead?: AheadRecord): Promise<number>;
  /** Its client has gone: a runtime that still waits for a spec is ended, and creation fails. */
  clientGone(): Promise<void>;
  start(): Promise<void>;
  /** As `RestoreGate.pass`. */
  passGate(pid: number): Promise<void>;
  pause(): Promise<void>;
  resume(): Promise<void>;
  wait(): Promise<End>;
  /** Everything, directory and lock included. */
  remove(): Promise<void>;
  /** Begins to, and answers when nothing is mounted, and no task listed, any more. */
  withdraw(): Promise<void>;
  /** As `remove` for one that was never created whole. */
  abandon(): Promise<void>;
}

export function createContainer(bundle: Bundle, context: StartContext, onEnded: () => void): Container {
  let record: TaskRecord | undefined;
  let creation: Promise<SupervisedProcess> | undefined;
  let madeAhead: AheadRecord | undefined;
  let init: SupervisedProcess | undefined;
  let end: End | undefined;
  let isEnding = false;
  let isToRun = false;
  let removal: Promise<void> | undefined;
  let isWithdrawn = false;
  let ended: Promise<End> | undefined;
  /** Its start, if it is one of its own, has been told of. */
  let starting: Promise<void> = Promise.resolve();
  const gate = createRestoreGate();
  const waiting = new AbortController();

  const created = <T>(value: T | undefined): T => {
    if (value !== undefined) return value;
    throw new CtrError("FailedPrecondition", `task ${bundle.id} is not created`);
  };

  /** Once creation has begun. */
  const known = (): TaskRecord | undefined => {
    if (creation !== undefined) record ??= readTaskRecord(bundle);
    return record;
  };

  const create = async (call: RuntimeCallRecord, start: boolean, stdio: StdioPlan) => {
    isToRun = start;
    let memory: OomWatch | undefined;
    const plan = {
      runc: call.runc,
      directory: ".",
      terminal: call.terminal,
      stdio,
      signal: waiting.signal,
      onFound: async (pid: number) => {
        memory = await watchMemory(bundle, pid, created(known()).limitedCgroup);
      },
      failure: "OCI runtime create failed",
      command: (options: readonly string[]) => [...createCommand(bundle, call, start), ...options, bundle.id],
    };
    init = call.checkpointDir === undefined ? await startProcess(plan, context) : await restore(plan);
    isToRun ||= call.checkpointDir !== undefined;
    const task = created(known());
    const { pid, startTicks } = init;
    writeRecord("init.json", { pid, startTicks, started: isToRun });
    tellCreation(bundle, task, stdio, pid);
    if (isToRun) tellStart(pid);
    ended = init.ended.then(async (initEnd) => {
      isEnding = true;
      await starting.catch(() => {});
      memory?.end();
      tellExit(bundle, bundle.id, pid, initEnd);
      if (!task.hasPidNamespace) await killOthers(task);
      end = initEnd;
      onEnded();
      return initEnd;
    });
    return init;
  };

  const restore = async (plan: StartPlan) => {
    const { restoreProcess } = await import("./restore-process.ts");
    return restoreProcess(plan, context);
  };

  const tellStart = (pid: number) => bundle.publish("/tasks/start", { container_id: bundle.id, pid });

  const start = async () => {
    isToRun = true;
    if (created(record).checkpointDir !== undefined) return finishRestore();
    const { pid, startTicks } = created(init);
    await callRunc(created(record).runc, ["start", bundle.id], "OCI runtime start failed");
    if (removal === undefined) writeRecord("init.json", { pid, startTicks, started: true });
    tellStart(pid);
  };

  const finishRestore = async () => {
    gate.open();
    await orAbandon(created(creation));
  };

  /** What is left then, the client removes, or shows as litter. */
  const orAbandon = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (error) {
      await abandon().catch(() => {});
      throw error;
    }
  };

  const abandon = async () => {
    // A creation under way would go on to make what is being removed.
    gate.close(new CtrError("Canceled", `restore of task ${bundle.id}`));
    await creation?.catch(() => {});
    removal ??= abandonTask(bundle, ifReadable(known));
    await removal;
  };

  /** Processes of a shared pid namespace do not end with the first. */
  const killOthers = (task: TaskRecord) =>
    // It fails when none is left.
    callRunc(task.runc, ["kill", "--all", bundle.id, "KILL"]).catch(() => "");

  const removing = async (work: Promise<void>): Promise<void> => {
    try {
      await work;
      init?.close();
    } catch (error) {
      // It may be asked for again, once what was in its way is gone.
      removal = undefined;
      throw error;
    }
  };

  return {
    get record() {
      return known();
    },
    get whenAbandoned() {
      return (known() ?? madeAhead)?.whenAbandoned;
    },
    get init() {
      return created(init);
    },
    get end() {
      return end;
    },
    get isEnding() {
      return isEnding;
    },
    get isToRun() {
      return isToRun;
    },
    get isRemoved() {
      return removal !== undefined || isWithdrawn;
    },
    async create(start, stdio, ahead) {
      if (creation !== undefined) throw new CtrError("AlreadyExists", `task ${bundle.id}`);
      if (start) gate.open();
      madeAhead = ahead;
      creation = create(ahead ?? created(readTaskRecord(bundle)), start, stdio);
      const answer = start ? creation : Promise.race([creation, gate.reached]);
      const { pid } = await (ahead ? answer : orAbandon(answer));
      return pid;
    },
    async clientGone() {
      if (isConfigAwaited(bundle)) {
        // Before it can say that it found none.
        waiting.abort();
        withdrawConfig(bundle);
      }
      if (madeAhead) await orAbandon(created(creation)).catch(() => {});
    },
    start() {
      starting = start();
      return starting;
    },
    passGate: gate.pass,
    pause: async () => (await import("../pause-task.ts")).freeze(bundle),
    resume: async () => (await import("../pause-task.ts")).thaw(bundle),
    async wait() {
      await creation;
      return created(ended);
    },
    remove() {
      removal ??= removing(removeTask(bundle, created(record)));
      return removal;
    },
    async withdraw() {
      if (removal !== undefined) return removal;
      // No more on the list, it can be asked for by nobody: what resists is litter.
      isWithdrawn = true;
      const withdrawal = withdrawTask(bundle, created(record));
      removal = removing(withdrawal.then(({ finish }) => finish()));
      removal.catch(() => {});
      await withdrawal;
    },
    abandon,
  };
}

/** Loaded by those who need it. A container that cannot be watched runs all the same. */
async function watchMemory({ id, publish }: Bundle, pid: number, cgroupsPath: string | undefined) {
  if (cgroupsPath === undefined) return undefined;
  const { watchForOom } = await import("./out-of-memory.ts");
  try {
    return watchForOom(pid, cgroupsPath, () => publish("/tasks/oom", { container_id: id }));
  } catch {
    return undefined;
  }
}

/** One call both creates and starts, where nothing is to be done between. */
function createCommand(
  bundle: Bundle,
  { checkpointDir, restoredLabel, noPivot }: RuntimeCallRecord,
  start: boolean,
): string[] {
  const verb =
    checkpointDir !== undefined
      ? restoreCommand(bundle, checkpointDir, restoredLabel)
      : start
        ? ["run", "--detach"]
        : ["create"];
  return [...verb, "--bundle", bundle.path, ...(noPivot ? ["--no-pivot"] : [])];
}

function restoreCommand({ path }: Bundle, checkpointDir: string, label: string | undefined): string[] {
  const work = `${path}/${RESTORE_DIR}`;
  // A criu that was built without SELinux would leave the label out, and refuses one that it is told of.
  const lsm = label ? ["--lsm-profile", `selinux:${label}`] : [];
  return ["restore", "--detach", "--file-locks", "--image-path", checkpointDir, "--work-path", work, ...lsm];
}
