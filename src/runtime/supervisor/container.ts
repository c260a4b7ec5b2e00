import { CtrError } from "../../core/errors.ts";
import { type Bundle, readTaskRecord, type TaskRecord, writeRecord } from "../bundle.ts";
import { abandonTask, type Withdrawal, withdrawTask } from "../remove-task.ts";
import { callRunc } from "../runc.ts";
import { type StartContext, type SupervisedProcess, startProcess } from "./processes.ts";
import type { StdioPlan } from "./protocol.ts";
import type { End } from "./reaper.ts";

/** The container and its first process. */
export interface Container {
  /** As in task.json, once creation has begun. */
  readonly record: TaskRecord | undefined;
  /** Throws FailedPrecondition before it is created. */
  readonly init: SupervisedProcess;
  /** Undefined until the first process has ended, and all that shared its pid namespace. */
  readonly end: End | undefined;
  /** Whether the first process has ended, the others maybe not yet. */
  readonly isEnding: boolean;
  readonly isRemoved: boolean;
  /** A failure leaves nothing of the task. Answers when it is created, or started. */
  create(start: boolean, stdio: StdioPlan): Promise<SupervisedProcess>;
  start(): Promise<void>;
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
  let init: SupervisedProcess | undefined;
  let end: End | undefined;
  let isEnding = false;
  let removal: Promise<void> | undefined;
  let ended: Promise<End> | undefined;

  const created = <T>(value: T | undefined): T => {
    if (value !== undefined) return value;
    throw new CtrError("FailedPrecondition", `task ${bundle.id} is not created`);
  };

  const create = async (task: TaskRecord, start: boolean, stdio: StdioPlan) => {
    const isStarted = start || task.checkpointDir !== undefined;
    init = await startProcess(
      {
        runc: task.runc,
        directory: ".",
        terminal: task.terminal,
        stdio,
        failure: "OCI runtime create failed",
        command: (options) => [...createCommand(bundle, task, start), ...options, bundle.id],
      },
      context,
    );
    const { pid, startTicks } = init;
    writeRecord("init.json", { pid, startTicks, started: isStarted });
    ended = init.ended.then(async (initEnd) => {
      isEnding = true;
      if (!task.hasPidNamespace) await killOthers(task);
      end = initEnd;
      onEnded();
      return initEnd;
    });
    return init;
  };

  /** Processes of a shared pid namespace do not end with the first. */
  const killOthers = (task: TaskRecord) =>
    // It fails when none is left.
    callRunc(task.runc, ["kill", "--all", bundle.id, "KILL"]).catch(() => "");

  const removeWhole = async (withdrawal: Promise<Withdrawal>): Promise<void> => {
    try {
      await (await withdrawal).finished;
      init?.close();
    } catch (error) {
      // It may be asked for again, once what was in its way is gone.
      removal = undefined;
      throw error;
    }
  };

  return {
    get record() {
      return record;
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
    get isRemoved() {
      return removal !== undefined;
    },
    async create(start, stdio) {
      if (creation !== undefined) throw new CtrError("AlreadyExists", `task ${bundle.id}`);
      record = readTaskRecord(bundle);
      creation = create(created(record), start, stdio);
      try {
        return await creation;
      } catch (error) {
        // What is left then, the client removes, or shows as litter.
        await this.abandon().catch(() => {});
        throw error;
      }
    },
    async start() {
      const { pid, startTicks } = created(init);
      await callRunc(created(record).runc, ["start", bundle.id], "OCI runtime start failed");
      if (removal === undefined) writeRecord("init.json", { pid, startTicks, started: true });
    },
    async wait() {
      await creation;
      return created(ended);
    },
    remove() {
      removal ??= removeWhole(withdrawTask(bundle, created(record), { early: false }));
      return removal;
    },
    async withdraw() {
      if (removal !== undefined) return removal;
      const withdrawal = withdrawTask(bundle, created(record), { early: true });
      removal = removeWhole(withdrawal);
      removal.catch(() => {});
      await withdrawal;
    },
    async abandon() {
      removal ??= abandonTask(bundle, record);
      await removal;
    },
  };
}

/** One call both creates and starts, where nothing is to be done between. */
function createCommand(bundle: Bundle, { checkpointDir, noPivot }: TaskRecord, start: boolean): string[] {
  const verb =
    checkpointDir !== undefined
      ? ["restore", "--detach", "--image-path", checkpointDir, "--work-path", `${bundle.path}/restore`]
      : start
        ? ["run", "--detach"]
        : ["create"];
  return [...verb, "--bundle", bundle.path, ...(noPivot ? ["--no-pivot"] : [])];
}
