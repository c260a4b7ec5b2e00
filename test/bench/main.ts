/**
 * Measures this ctr beside the real one with containerd, in one run on one machine, and prints a markdown table:
 * median (minimum to maximum) of each, and the ratio of the medians.
 *
 *     bench [--only GROUP,…] [--runs N]
 */
import { parseArgs } from "node:util";
import { oracleMissing } from "../support/containerd.ts";
import { startRegistry } from "../support/registry.ts";
import { tempDir } from "../support/temp.ts";
import { createFixtures } from "./fixtures.ts";
import { measureRow, median, type Samples } from "./measure.ts";
import type { Row } from "./row.ts";
import { archiveRows } from "./rows/archive.ts";
import { memoryRows } from "./rows/memory.ts";
import { pullRows } from "./rows/pull.ts";
import { pushRows } from "./rows/push.ts";
import { runRows } from "./rows/run.ts";
import { startUpRows } from "./rows/start-up.ts";
import { startOurs, startTheirs } from "./side.ts";

/** Memory comes first, as long as the daemon is fresh. */
const ROWS: readonly Row[] = [
  ...memoryRows,
  ...startUpRows,
  ...runRows,
  ...pullRows,
  ...pushRows,
  ...archiveRows,
];
const GROUPS = [...new Set(ROWS.map((row) => row.group))];

function chooseRows(only: string | undefined): readonly Row[] {
  if (only === undefined) return ROWS;
  const words = only.split(",");
  const unknown = words.filter((word) => !GROUPS.includes(word));
  if (unknown.length > 0) throw new Error(`no group ${unknown.join(", ")}: there are ${GROUPS.join(", ")}`);
  return ROWS.filter((row) => words.includes(row.group));
}

function cell({ unit }: Row, { values, failure }: Samples): string {
  if (failure) return "–";
  const show = (value: number) => value.toFixed(value < 100 ? 1 : 0);
  const range = values.length > 1 ? ` (${show(Math.min(...values))} to ${show(Math.max(...values))})` : "";
  return `${show(median(values))} ${unit}${range}`;
}

function ratio([ours, theirs]: readonly Samples[]): string {
  if (!ours || !theirs || ours.failure || theirs.failure) return "–";
  const reference = median(theirs.values);
  return reference === 0 ? "–" : (median(ours.values) / reference).toFixed(2);
}

function tableLine(row: Row, samples: readonly Samples[]): string {
  const cells = samples.map((one) => cell(row, one));
  const comparison =
    samples.length > 1 ? [ratio(samples), row.goal === undefined ? "" : `≤ ${row.goal}`] : [];
  return `| ${[row.name, ...cells, ...comparison].join(" | ")} |`;
}

async function bench(rows: readonly Row[], runs: number | undefined): Promise<void> {
  using directory = tempDir();
  await using registry = await startRegistry(directory.join("source"));
  await using emptyRegistry = await startRegistry(directory.join("target"));
  using ourDirectory = tempDir();
  using theirDirectory = tempDir();
  await using ours = startOurs(ourDirectory.path);
  const missing = oracleMissing();
  if (missing) console.error(`without the real ctr: ${missing}`);
  await using theirs = missing ? undefined : await startTheirs(theirDirectory.path);
  const sides = theirs ? [ours, theirs] : [ours];
  const fixtures = createFixtures(registry, emptyRegistry);
  const headings = ["", ...sides.map((side) => side.name), ...(theirs ? ["ratio", "goal"] : [])];
  const lines = [`| ${headings.join(" | ")} |`, `|${headings.map(() => "---|").join("")}`];
  const failures: string[] = [];
  for (const row of rows) {
    if (interrupted) break;
    process.stderr.write(`${row.name} …\n`);
    const samples = await measureRow(row, sides, fixtures, runs ?? row.runs);
    lines.push(tableLine(row, samples));
    for (const { side, failure } of samples) if (failure) failures.push(`- ${row.name}, ${side}: ${failure}`);
  }
  console.log([...lines, ...(failures.length > 0 ? ["", ...failures] : [])].join("\n"));
}

let interrupted = false;
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    interrupted = true;
  });
}

try {
  const { values } = parseArgs({ options: { only: { type: "string" }, runs: { type: "string" } } });
  await bench(chooseRows(values.only), values.runs === undefined ? undefined : Number(values.runs));
} catch (error) {
  console.error(`bench: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}
