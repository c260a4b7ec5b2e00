import { defineCommand, optional } from "../../command.ts";
import { requireTask } from "../../find-task.ts";

export default defineCommand({
  summary: "join the streams of a running task",
  description: "The exit code is the task's own, which is deleted when it ends.",
  flags: {},
  args: { container: optional({ completion: "tasks" }) },
  async run({ args }, context) {
    const task = await requireTask(await context.openClient(), args.container ?? "");
    const attachment = await task.attach();
    return (await attachment.ended).status;
  },
});
