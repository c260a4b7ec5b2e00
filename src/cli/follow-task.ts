import { constants } from "node:os";
import { hasCode } from "../core/errors.ts";
import type { Task } from "../core/task.ts";

const FORWARDED = ["SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM", "SIGUSR1", "SIGUSR2"] as const;

/**
 * Stays in the foreground for a task whose streams go elsewhere: passes signals on, also those that came while it was
 * being started, waits for its end, deletes it and answers its status.
 */
export async function followTask(starting: () => Promise<Task>): Promise<number> {
  const started = Promise.withResolvers<Task>();
  const forward = (signal: NodeJS.Signals) => {
    void started.promise.then((task) => sendIfAlive(task, constants.signals[signal]));
  };
  for (const signal of FORWARDED) process.on(signal, forward);
  try {
    const task = await starting();
    started.resolve(task);
    await task.wait();
    return (await task.delete()).status;
  } finally {
    for (const signal of FORWARDED) process.off(signal, forward);
  }
}

async function sendIfAlive(task: Task, signalNumber: number): Promise<void> {
  try {
    await task.kill(signalNumber);
  } catch (error) {
    if (!hasCode(error, "NotFound")) throw error;
  }
}
