import { defineCommand, optional } from "../../command.ts";
import { requireTask } from "../../find-task.ts";

export default defineCommand({
  summary: "let a paused task go on",
  flags: {},
  args: { container: optional({ completion: "tasks" }) },
  async run({ args }, context) {
    const task = await requireTask(await context.openClient(), args.container ?? "");
    await task.resume();
  },
});
