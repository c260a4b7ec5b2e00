import { constants } from "node:os";
import { deleteTask } from "../client/containers/delete-container.ts";
import type { Client } from "../client/open.ts";
import { ifPresent } from "../core/errors.ts";
import type { Task } from "../core/task.ts";

const FORWARDED = ["SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM", "SIGUSR1", "SIGUSR2"] as const;

const ENDING: ReadonlySet<NodeJS.Signals> = new Set(["SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM"]);

/**
 * Stays in the foreground for a task whose streams go elsewhere: passes signals on, also those that came while it was
 * being started, waits for its end, deletes it and answers its status.
 */
export async function followTask(
  client: Client,
  starting: (interrupted: AbortSignal) => Promise<Task>,
): Promise<number> {
  const started = Promise.withResolvers<Task>();
  const interruption = new AbortController();
  const forward = (signal: NodeJS.Signals) => {
    if (ENDING.has(signal)) interruption.abort();
    void started.promise.then((task) => ifPresent(() => task.kill(constants.signals[signal])));
  };
  for (const signal of FORWARDED) process.on(signal, forward);
  try {
    const task = await starting(interruption.signal);
    started.resolve(task);
    await task.wait();
    return (await deleteTask(client, task)).status;
  } finally {
    for (const signal of FORWARDED) process.off(signal, forward);
  }
}
