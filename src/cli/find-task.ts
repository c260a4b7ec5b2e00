import type { Client } from "../client/open.ts";
import { CtrError, hasCode } from "../core/errors.ts";
import type { Task } from "../core/task.ts";

/** Throws NotFound, which says whether it is the container or only its task that is missing. */
export async function requireTask(client: Client, id: string): Promise<Task> {
  try {
    return await (await client.tasks()).get(id);
  } catch (error) {
    if (!hasCode(error, "NotFound", "InvalidArgument")) throw error;
    (await client.containers()).get(id);
    throw new CtrError("NotFound", `no running task found: task ${id} not found`);
  }
}
