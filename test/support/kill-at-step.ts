import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type RunResult, run } from "./run-program.ts";

/** The calls that change what is on disk, or make it durable. */
const STEPS =
  "rename,renameat,renameat2,link,linkat,unlink,unlinkat,mkdir,mkdirat,rmdir,pwrite64,fsync,fdatasync,syncfs";

/** Of the many small writes of one database transaction, which only its sync makes count, each fourth is enough. */
const STRIDES: Readonly<Record<string, number>> = { pwrite64: 4 };

/** The Nth call of that name which one of the program's threads makes. */
export interface Step {
  call: string;
  count: number;
}

export interface StepKiller {
  /** Runs the program to its end and answers each step it took, those of all of its threads and children. */
  steps(command: string[], env: Record<string, string>): Promise<Step[]>;
  /** Runs it, and has the kernel kill it on its way into that step, which so does not happen. */
  killAt(step: Step, command: string[], env: Record<string, string>): Promise<RunResult>;
}

/**
 * By strace, so that the program is the very one that users have. `isClientAlone` leaves out its other threads and the
 * processes that it starts.
 */
export function createStepKiller(directory: string, { isClientAlone = false } = {}): StepKiller {
  const log = join(directory, "steps.log");
  const trace = ["strace", ...(isClientAlone ? [] : ["-f"]), "-o", log];
  return {
    async steps(command, env) {
      const { code, stderr } = await run([...trace, "-e", `trace=${STEPS}`, ...command], { env });
      if (code !== 0) throw new Error(`${command.join(" ")}: exit ${code}\n${stderr}`);
      return stepsIn(readFileSync(log, "utf8"));
    },
    killAt: ({ call, count }, command, env) =>
      run(
        [...trace, "-e", `trace=${call}`, "-e", `inject=${call}:signal=SIGKILL:when=${count}`, ...command],
        { env },
      ),
  };
}

/** strace counts each call by its name, in each thread for itself. */
function stepsIn(log: string): Step[] {
  const byThread = new Map<string, number>();
  const byCall = new Map<string, number>();
  for (const [, thread, call] of log.matchAll(/^(?:(\d+)\s+)?(\w+)\(/gm)) {
    const count = (byThread.get(`${thread} ${call}`) ?? 0) + 1;
    byThread.set(`${thread} ${call}`, count);
    byCall.set(call!, Math.max(count, byCall.get(call!) ?? 0));
  }
  return [...byCall].flatMap(([call, total]) => {
    const stride = STRIDES[call] ?? 1;
    return Array.from({ length: Math.ceil(total / stride) }, (_, index) => ({
      call,
      count: 1 + index * stride,
    }));
  });
}
