import { hasCode, withSubject } from "../../core/errors.ts";
import type { Envelope } from "../../core/events.ts";
import { defineCommand, variadic } from "../command.ts";
import { topicFilters } from "../completion/topics.ts";
import { booleanFlag } from "../flags/flag.ts";
import { outputFlag } from "../flags/output.ts";
import { timeFlag } from "../flags/time.ts";
import { interruption } from "../interruption.ts";
import { warn, writeOut } from "../output.ts";
import { formatEvent } from "../print/event.ts";
import { formatJsonLine } from "../print/json.ts";

export default defineCommand({
  summary: "show what happens, as it happens, in all namespaces",
  description: `Images, content, snapshots, containers, tasks and namespaces tell of what becomes of them, in the words of containerd. Filters select by topic, namespace or event.FIELD, for instance event.container_id; with several, one must match. A value that begins with a slash must be quoted: 'topic=="/tasks/exit"'.

Events are kept below --state until the next boot, the last few mebibytes of them: --since and --no-follow show what was before. TIME is RFC 3339, as 2006-01-02T15:04:05Z, seconds since 1970, or how long ago, as 1h30m.

Without --no-follow and --until it goes on until it is interrupted. With --output json each event is a line of its own.`,
  examples: [
    "events",
    "events topic~=^/tasks/ namespace==default",
    "events --since 10m --no-follow event.container_id==web",
    "events --output json topic~=^/tasks/oom",
  ],
  flags: {
    since: timeFlag("begin with what has happened since then"),
    until: timeFlag("end with what has happened by then"),
    noFollow: booleanFlag("show what has happened, and end"),
    output: outputFlag,
  },
  args: { filters: variadic({ completion: topicFilters }) },
  async run({ flags, args }, context) {
    const { events } = await context.openClient();
    const format = flags.output === "json" ? formatJsonLine : formatEvent;
    using interrupted = interruption();
    const read = events.read({
      since: flags.since,
      until: flags.until,
      follow: !flags.noFollow,
      filters: args.filters,
      signal: AbortSignal.any([context.signal, interrupted.signal]),
      onLoss: () => warn("events went by faster than they could be shown: some are missing here"),
    });
    await print(read, format);
    context.signal.throwIfAborted();
  },
});

async function print(events: AsyncIterable<Envelope>, format: (event: Envelope) => string): Promise<void> {
  try {
    for await (const event of events) writeOut(format(event));
  } catch (error) {
    throw hasCode(error, "InvalidArgument")
      ? withSubject("failed parsing subscription filters", error)
      : error;
  }
}
