import { defineCommand, required } from "../../command.ts";
import { requireTask } from "../../find-task.ts";
import { stringFlag } from "../../flags/flag.ts";

export default defineCommand({
  summary: "wait for a task to end",
  description: "The exit code is the task's own. The task stays until it is deleted.",
  flags: { execId: stringFlag("wait for this exec's process", { placeholder: "ID" }) },
  args: { container: required("container id must be provided", { completion: "tasks" }) },
  async run({ flags, args }, context) {
    const task = await requireTask(await context.openClient(), args.container);
    return (await task.wait(flags.execId || undefined)).status;
  },
});
