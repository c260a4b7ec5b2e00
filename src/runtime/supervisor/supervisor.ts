/**
 * The supervisor of one task: starts its processes, knows how they end, holds what would be lost with the client
 * (terminals, ends of FIFOs). It leaves as soon as all it knows is on disk and nobody waits for an answer.
 */
import { type Bundle, readTaskRecord } from "../bundle.ts";
import { runtimeCallPids, runtimeEnvironment } from "../runc.ts";
import { type Container, createContainer } from "./container.ts";
import { createExecs, type Execs } from "./execs.ts";
import type { StartContext, SupervisedProcess } from "./processes.ts";
import { createReaper } from "./reaper.ts";
import { createStarts } from "./starts.ts";

export interface Supervisor {
  readonly container: Container;
  readonly execs: Execs;
  /** Throws NotFound for an exec that does not run. */
  process(execId?: string): SupervisedProcess;
  /** Does not leave before the work is done, its answer on the way included. */
  during(work: () => Promise<void>): Promise<void>;
  /** The client that had the task made needs nobody to clean up after it. */
  ownerServed(): void;
  /** That client is gone. */
  ownerGone(): void;
  /** For whoever sends SIGUSR1. */
  describe(): object;
}

/** `leave` ends this process. The working directory is the bundle. */
export function createSupervisor(bundle: Bundle, leave: () => void): Supervisor {
  let workCount = 0;
  let owner: "present" | "served" | "gone" | "replaced" = "present";

  const childPids = new Set<number>();
  const reapStrangers = () => {
    if (starts.isUnderWay) return;
    reaper.reapStrangers((pid) => runtimeCallPids.has(pid) || childPids.has(pid));
  };
  const starts = createStarts(reapStrangers);
  const reaper = createReaper(reapStrangers);
  const context: StartContext = { starts, reaper, childPids };

  const leaveIfDone = () => {
    const { record, whenAbandoned, end, isRemoved } = container;
    if (workCount > 0 || execs.runningCount > 0 || (end === undefined && !isRemoved)) return;
    // It will ask for the end, or go.
    if (owner === "present" && whenAbandoned) return;
    if (owner === "gone" && whenAbandoned) {
      owner = "replaced";
      childPids.add(startDetached(whenAbandoned));
    }
    // Output that nobody has read yet would go with us.
    const isKept = !isRemoved && (record?.output === "fifo" || record?.output === "terminal");
    if (!isKept) leave();
  };
  const container = createContainer(bundle, context, leaveIfDone);
  const execs = createExecs(bundle, context, leaveIfDone);

  const during = async (work: () => Promise<void>) => {
    workCount++;
    try {
      await work();
    } finally {
      workCount--;
      leaveIfDone();
    }
  };

  return {
    container,
    execs,
    during,
    process: (execId) => (execId === undefined ? container.init : execs.running(execId)),
    ownerServed() {
      owner = "served";
    },
    ownerGone() {
      if (owner === "present") owner = "gone";
      void during(() => container.clientGone());
      const { record, whenAbandoned } = container;
      const isLeftUnstarted = (whenAbandoned ?? record?.checkpointDir) !== undefined && !container.isToRun;
      if (isLeftUnstarted && !container.isRemoved) return void during(() => container.abandon());
      if (record !== undefined) return leaveIfDone();
      // It died, or failed, before it asked for anything.
      const prepared = readTaskRecord(bundle);
      void during(async () => {
        await container.abandon();
        if (prepared?.whenAbandoned) childPids.add(startDetached(prepared.whenAbandoned));
      });
    },
    describe: () => ({
      id: bundle.id,
      end: container.end,
      isRemoved: container.isRemoved,
      runningExecs: execs.runningCount,
      workCount,
      owner,
    }),
  };
}

function startDetached(command: readonly string[]): number {
  const child = Bun.spawn([...command], {
    detached: true,
    stdio: ["ignore", "ignore", "inherit"],
    env: runtimeEnvironment(),
    cwd: "/",
  });
  child.unref();
  return child.pid;
}
