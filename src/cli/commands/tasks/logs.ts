import { defineCommand, required } from "../../command.ts";
import { requireTask } from "../../find-task.ts";
import { booleanFlag, integerFlag } from "../../flags/flag.ts";
import { writeOut } from "../../output.ts";

export default defineCommand({
  summary: "print the output of a detached task",
  description: "As it came, without times: the container writes its log itself.",
  examples: ["tasks logs web", "tasks logs -f --tail 10 web"],
  flags: {
    follow: booleanFlag("go on until the task ends", { alias: "f" }),
    tail: integerFlag("begin with the last N lines; all when negative", { default: -1 }),
  },
  args: { container: required("container id must be provided", { completion: "tasks" }) },
  async run({ flags, args }, context) {
    const task = await requireTask(await context.openClient(), args.container);
    const { follow, tail } = flags;
    const log = task.readLog({ follow, tailLines: tail < 0 ? undefined : tail, signal: context.signal });
    for await (const chunk of log) writeOut(chunk);
  },
});
