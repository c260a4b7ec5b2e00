import type { Client } from "../../../client/open.ts";
import { labelNames } from "../../../core/labels.ts";
import { defineCommand, required } from "../../command.ts";
import { requireTask } from "../../find-task.ts";
import { booleanFlag, stringFlag } from "../../flags/flag.ts";
import { parseSignal } from "../../signals.ts";
import { UsageError } from "../../usage-error.ts";

export default defineCommand({
  summary: "send a signal to a task",
  examples: ["tasks kill web", "tasks kill -s HUP web", "tasks kill --all -s KILL web"],
  flags: {
    signal: stringFlag("name or number (default: the image's stop signal, else SIGTERM)", {
      alias: "s",
      placeholder: "SIGNAL",
      completion: "signals",
    }),
    execId: stringFlag("signal this exec's process", { placeholder: "ID" }),
    all: booleanFlag("signal every process of the container", { alias: "a" }),
  },
  args: { container: required("container id must be provided", { completion: "tasks" }) },
  async run({ flags, args }, context) {
    const { execId, all } = flags;
    if (all && execId) throw new UsageError("specify an exec-id or all; not both");
    const client = await context.openClient();
    const task = await requireTask(client, args.container);
    const signal = flags.signal ? parseSignal(flags.signal) : await stopSignal(client, task.id);
    await task.kill(signal, { all, execId: execId || undefined });
  },
});

async function stopSignal(client: Client, id: string): Promise<number> {
  const { labels } = (await client.containers()).get(id);
  return parseSignal(labels[labelNames.stopSignal] || "SIGTERM");
}
