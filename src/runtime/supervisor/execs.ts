import { CtrError } from "../../core/errors.ts";
import { type Bundle, readExecRecord, readExit, writeRecord } from "../bundle.ts";
import type { ExecRecord } from "../records.ts";
import { execStillRuns, removeExec } from "../remove-exec.ts";
import type { Runc } from "../runc.ts";
import { salvageExec } from "../salvage.ts";
import { type StartContext, type SupervisedProcess, startProcess } from "./processes.ts";
import { type StdioPlan, toWireExit, type WireExit } from "./protocol.ts";
import type { End } from "./reaper.ts";
import { tellExit } from "./tell.ts";

/** Processes beside the first. Their directories are made by clients, and claim their ids. */
export interface Execs {
  readonly runningCount: number;
  /** Throws NotFound when its directory is not, or no longer, the one that was claimed for it. */
  start(execId: string, claim: string, runc: Runc, stdio: StdioPlan): Promise<SupervisedProcess>;
  /** Throws NotFound for one that is unknown or has ended. */
  running(execId: string): SupervisedProcess;
  /** Throws NotFound for one that is unknown. */
  wait(execId: string): Promise<End>;
  /** Throws FailedPrecondition for one that runs, NotFound. */
  delete(execId: string): WireExit;
  /** Removes what `start` answered as soon as it has ended, unless somebody else does. */
  abandon(execId: string, starting: Promise<SupervisedProcess>): Promise<void>;
}

export function createExecs(bundle: Bundle, context: StartContext, onEnded: () => void): Execs {
  const known = new Map<string, Promise<SupervisedProcess>>();
  const running = new Map<string, SupervisedProcess>();

  const start = async (
    execId: string,
    record: ExecRecord,
    runc: Runc,
    stdio: StdioPlan,
  ): Promise<SupervisedProcess> => {
    const directory = `execs/${execId}`;
    bundle.publish("/tasks/exec-added", { container_id: bundle.id, exec_id: execId });
    const options = ["exec", "--detach", "--process", `${directory}/process.json`];
    try {
      const exec = await startProcess(
        {
          runc,
          directory,
          terminal: record.terminal,
          stdio,
          failure: "OCI runtime exec failed",
          command: (more) => [...options, ...more, bundle.id],
        },
        context,
      );
      writeRecord(`${directory}/exec.json`, { ...record, pid: exec.pid, startTicks: exec.startTicks });
      running.set(execId, exec);
      bundle.publish("/tasks/exec-started", { container_id: bundle.id, exec_id: execId, pid: exec.pid });
      void exec.ended.then((end) => {
        tellExit(bundle, execId, exec.pid, end);
        running.delete(execId);
        exec.close();
        onEnded();
      });
      return exec;
    } catch (error) {
      known.delete(execId);
      removeExec(bundle, execId, record);
      throw error;
    }
  };

  const deleteEnded = (execId: string): WireExit => {
    const remains = salvageExec(bundle, execId);
    if (!known.has(execId) || remains === undefined) throw notFound(execId);
    const exit = readExit(bundle, execId);
    if (exit === undefined) throw execStillRuns();
    known.delete(execId);
    removeExec(bundle, execId, remains);
    return toWireExit(exit);
  };

  return {
    get runningCount() {
      return running.size;
    },
    start(execId, claim, runc, stdio) {
      if (known.has(execId)) throw new CtrError("AlreadyExists", `id ${execId}`);
      const record = readExecRecord(bundle, execId);
      if (record?.claim !== claim) throw notFound(execId);
      const exec = start(execId, record, runc, stdio);
      known.set(execId, exec);
      return exec;
    },
    running(execId) {
      const exec = running.get(execId);
      if (exec === undefined) throw notFound(execId);
      return exec;
    },
    async wait(execId) {
      const exec = known.get(execId);
      if (exec === undefined) throw notFound(execId);
      return (await exec).ended;
    },
    delete: deleteEnded,
    async abandon(execId, starting) {
      const exec = await starting.catch(() => undefined);
      await exec?.ended;
      if (exec && known.get(execId) === starting) deleteEnded(execId);
    },
  };
}

function notFound(execId: string): CtrError {
  return new CtrError("NotFound", `process does not exist ${execId}`);
}
