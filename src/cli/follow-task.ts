import { deleteTask } from "../client/containers/delete-container.ts";
import type { Client } from "../client/open.ts";
import { ifPresent } from "../core/errors.ts";
import type { Task } from "../core/task.ts";
import { holdSignals } from "../sys/held-signals.ts";

/**
 * Stays in the foreground for a task whose streams go elsewhere: passes signals on, also those that came while it was
 * being started, waits for its end, deletes it and answers its status.
 */
export async function followTask(
  client: Client,
  starting: (interrupted: AbortSignal) => Promise<Task>,
): Promise<number> {
  using signals = holdSignals();
  const task = await starting(signals.interruption());
  signals.passTo((signalNumber) => void ifPresent(() => task.kill(signalNumber)));
  await task.wait();
  return (await deleteTask(client, task)).status;
}
