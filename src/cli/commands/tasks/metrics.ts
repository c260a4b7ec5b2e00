import type { Measured, Metrics } from "../../../core/metrics.ts";
import { defineCommand, optional } from "../../command.ts";
import { requireTask } from "../../find-task.ts";
import { stringFlag } from "../../flags/flag.ts";
import { outputFlag } from "../../flags/output.ts";
import { writeOut } from "../../output.ts";
import { formatCounters } from "../../print/counters.ts";
import { alignTabs } from "../../print/tab-writer.ts";
import { formatGoTime } from "../../print/times.ts";
import { UsageError } from "../../usage-error.ts";

export default defineCommand({
  summary: "print what a task has used so far",
  examples: ["tasks metrics web", "tasks metrics --format json web"],
  flags: {
    format: stringFlag("table or json, as --output", {
      default: "table",
      placeholder: "FORMAT",
      completion: ["table", "json"],
    }),
    output: outputFlag,
  },
  args: { container: optional({ completion: "tasks" }) },
  async run({ flags, args }, context) {
    const task = await requireTask(await context.openClient(), args.container ?? "");
    const metrics = await task.metrics();
    const format = flags.output === "json" ? "json" : flags.format;
    if (format === "json") writeOut(formatCounters(metrics.values));
    else if (format === "table") writeOut(table(task.id, metrics));
    else throw new UsageError("format must be table or json");
  },
});

/** Row by its path in the message. */
const ROWS: Readonly<Record<Metrics["version"], Readonly<Record<string, string>>>> = {
  1: {
    "memory.usage_in_bytes": "memory.usage.usage",
    "memory.limit_in_bytes": "memory.usage.limit",
    "memory.stat.cache": "memory.total_cache",
    "cpuacct.usage": "cpu.usage.total",
    "cpuacct.usage_percpu": "cpu.usage.per_cpu",
    "pids.current": "pids.current",
    "pids.limit": "pids.limit",
  },
  2: Object.fromEntries(
    [
      ...["pids.current", "pids.limit"],
      ...["cpu.usage_usec", "cpu.user_usec", "cpu.system_usec"],
      ...["cpu.nr_periods", "cpu.nr_throttled", "cpu.throttled_usec"],
      ...["memory.usage", "memory.usage_limit", "memory.swap_usage", "memory.swap_limit"],
    ].map((path) => [path, path]),
  ),
};

function table(id: string, { version, at, values }: Metrics): string {
  const rows = Object.entries(ROWS[version])
    .filter(([, path]) => values[path.split(".")[0]!] !== undefined)
    .map(([name, path]) => `${name}\t${shown(valueAt(values, path))}\t`);
  const lines = ["ID\tTIMESTAMP\t", `${id}\t${formatGoTime(at)}\t`, "", "METRIC\tVALUE\t", ...rows];
  return alignTabs(`${lines.join("\n")}\n`, { minWidth: 1, padding: 4, fill: " " });
}

function valueAt(values: Measured, path: string): unknown {
  return path.split(".").reduce<unknown>((value, name) => (value as Measured | undefined)?.[name], values);
}

const shown = (value: unknown): string =>
  Array.isArray(value) ? `[${value.join(" ")}]` : String(value ?? 0);
