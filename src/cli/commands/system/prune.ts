import { type Pruned, type PrunePlan, planPrune, prune } from "../../../client/system/prune.ts";
import { defineCommand } from "../../command.ts";
import { reportLine } from "../../failure.ts";
import { booleanFlag } from "../../flags/flag.ts";
import { outputFlag } from "../../flags/output.ts";
import { warn, writeOut } from "../../output.ts";
import { formatJson } from "../../print/json.ts";
import { printListing } from "../../print/listing.ts";
import { formatBinarySize } from "../../print/sizes.ts";
import { tableStyles } from "../../print/table.ts";

export default defineCommand({
  summary: "remove what nothing refers to, and what killed processes left, in all namespaces",
  description:
    "This happens by itself, in the background, after what frees something. Images, containers, and what they, leases and the label containerd.io/gc.root hold, stay: ctr system why tells by which references. What a pull that was killed had brought, kept for its next try, goes only here, with its image, or after a day. With --dry-run nothing is removed, and what would be is listed.",
  examples: ["system prune --dry-run", "system prune"],
  flags: { dryRun: booleanFlag("list what would be removed, and remove nothing"), output: outputFlag },
  args: {},
  async run({ flags }, context) {
    const client = await context.openClient();
    if (flags.dryRun) {
      printPlan(await planPrune(client), flags.output);
      return 0;
    }
    const pruned = await prune(client, context.signal);
    for (const { leftover, error } of pruned.failures) warn(`${leftover.name}: ${reportLine(error)}`);
    printPruned(pruned, flags.output);
    return pruned.failures.length > 0 ? 1 : 0;
  },
});

function printPlan({ unused, litter, leftovers }: PrunePlan, format: "table" | "json"): void {
  const records = [
    ...unused.map((one) => ({
      ...one,
      reason: one.kind === "lease" ? "expired or abandoned" : "not referred to",
    })),
    ...litter.map((one) => ({ ...one, reason: "without record" })),
    ...leftovers.map(({ remove, ...one }) => ({ ...one, reason: "abandoned" })),
  ].map((record) => ({ namespace: undefined, sizeBytes: undefined, ...record }));
  printListing(
    {
      style: tableStyles.spaced,
      header: ["KIND", "NAMESPACE", "NAME", "SIZE", "REASON"],
      rows: records.map(({ kind, namespace, name, sizeBytes, reason }) => [
        kind,
        namespace ?? "-",
        name,
        sizeBytes === undefined ? "-" : formatBinarySize(sizeBytes),
        reason,
      ]),
      records,
    },
    format,
  );
}

function printPruned({ collected, leftovers, failures }: Pruned, format: "table" | "json"): void {
  const removed = { ...collected, leftovers: leftovers.length - failures.length };
  if (format === "json") {
    writeOut(formatJson(removed));
    return;
  }
  const { sizeBytes, ...counts } = removed;
  const parts = Object.entries(counts).filter(([, count]) => count > 0);
  const words = parts.map(([kind, count]) => `${kind} ${count}`).join(", ");
  writeOut(
    `${words === "" ? "nothing to remove" : `removed: ${words}; freed ${formatBinarySize(sizeBytes)}`}\n`,
  );
}
