import { constants } from "node:os";
import { deleteTask } from "../../../client/containers/delete-container.ts";
import { hasCode, ifPresent, withSubject } from "../../../core/errors.ts";
import type { Exit, Task } from "../../../core/task.ts";
import { forEachName } from "../../batch.ts";
import { defineCommand, variadic } from "../../command.ts";
import { requireTask } from "../../find-task.ts";
import { booleanFlag, stringFlag } from "../../flags/flag.ts";
import { warn } from "../../output.ts";

export default defineCommand({
  summary: "delete one or more tasks that have ended",
  description: "With --exec-id, that exec of the container; the exit code is then its process' own.",
  flags: {
    force: booleanFlag("kill them first", { alias: "f" }),
    execId: stringFlag("delete this exec only", { placeholder: "ID" }),
  },
  args: { containers: variadic({ completion: "tasks" }) },
  async run({ flags, args }, context) {
    const client = await context.openClient();
    const { execId, force } = flags;
    if (execId) {
      const task = await requireTask(client, args.containers[0] ?? "");
      if (force) await killExec(task, execId);
      return (await deleteExec(task, execId)).status;
    }
    await forEachName(args.containers, async (id) => {
      const { status } = await deleteTask(client, await requireTask(client, id), { force });
      if (status !== 0) warn(`task ${id} exit with non-zero exit code ${status}`);
    });
    return 0;
  },
});

async function deleteExec(task: Task, execId: string): Promise<Exit> {
  try {
    return await task.deleteExec(execId);
  } catch (error) {
    throw hasCode(error, "NotFound") ? withSubject("no running process found", error) : error;
  }
}

async function killExec(task: Task, execId: string): Promise<void> {
  await ifPresent(() => task.kill(constants.signals.SIGKILL, { execId }));
  await task.wait(execId);
}
