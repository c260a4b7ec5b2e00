import { constants } from "node:os";
import { hasCode } from "../core/errors.ts";
import type { Task } from "../core/task.ts";

const FORWARDED = ["SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM", "SIGUSR1", "SIGUSR2"] as const;

/**
 * Stays in the foreground for a task whose streams go elsewhere: passes signals on, waits for its end, deletes it and
 * answers its status.
 */
export async function followTask(task: Task): Promise<number> {
  const forward = (signal: NodeJS.Signals) => {
    task.kill(constants.signals[signal]).catch((error: unknown) => {
      if (!hasCode(error, "NotFound")) throw error;
    });
  };
  for (const signal of FORWARDED) process.on(signal, forward);
  try {
    await task.wait();
    return (await task.delete()).status;
  } finally {
    for (const signal of FORWARDED) process.off(signal, forward);
  }
}
