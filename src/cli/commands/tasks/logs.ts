import { defineCommand, required } from "../../command.ts";
import { requireTask } from "../../find-task.ts";
import { booleanFlag } from "../../flags/flag.ts";
import { writeOut } from "../../output.ts";

export default defineCommand({
  summary: "print the output of a detached task",
  examples: ["tasks logs web", "tasks logs -f web"],
  flags: { follow: booleanFlag("go on until the task ends", { alias: "f" }) },
  args: { container: required("container id must be provided", { completion: "tasks" }) },
  async run({ flags, args }, context) {
    const task = await requireTask(await context.openClient(), args.container);
    const log = task.readLog({ follow: flags.follow, signal: context.signal });
    for await (const chunk of log) writeOut(chunk);
  },
});
