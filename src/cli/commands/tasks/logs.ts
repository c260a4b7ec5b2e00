import { defineCommand, required } from "../../command.ts";
import { requireTask } from "../../find-task.ts";
import { booleanFlag, integerFlag } from "../../flags/flag.ts";
import { timeFlag } from "../../flags/time.ts";
import { warn, writeOut } from "../../output.ts";

export default defineCommand({
  summary: "print the output of a detached task",
  description: `As it came: the container's processes write the log themselves.

With --timestamps each line begins with the time at which it was begun, in UTC and true to a tenth of a second: while the log grows, its end and the time are recorded ten times a second at most, and lines that came between two records have the time of the second. Records take no more than a mebibyte and a quarter of the log; where short lines came slowly for long, a few share one. A killed supervisor records nothing more: what was written since has the time at which the log last changed, and a warning says so.

--since goes by the same times. TIME is RFC 3339, as 2006-01-02T15:04:05Z, seconds since 1970, or how long ago, as 1h30m.`,
  examples: ["tasks logs web", "tasks logs -f --tail 10 web", "tasks logs -t --since 10m web"],
  flags: {
    follow: booleanFlag("go on until the task ends", { alias: "f" }),
    since: timeFlag("begin with what was written since then"),
    tail: integerFlag("begin with the last N lines; all when negative", { default: -1 }),
    timestamps: booleanFlag("begin each line with its time", { alias: "t" }),
  },
  args: { container: required("container id must be provided", { completion: "tasks" }) },
  async run({ flags, args }, context) {
    const task = await requireTask(await context.openClient(), args.container);
    const { follow, since, tail, timestamps } = flags;
    const log = task.readLog({
      follow,
      timestamps,
      since,
      tailLines: tail < 0 ? undefined : tail,
      onTimesLost: () =>
        warn(`the supervisor of task ${task.id} was killed: lines since then have the time of the last`),
      signal: context.signal,
    });
    for await (const chunk of log) writeOut(chunk);
    context.signal.throwIfAborted();
  },
});
