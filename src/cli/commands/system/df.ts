import { type DiskUsage, readDiskUsage } from "../../../client/system/disk-usage.ts";
import { defineCommand } from "../../command.ts";
import { outputFlag } from "../../flags/output.ts";
import { writeOut } from "../../output.ts";
import { formatJson } from "../../print/json.ts";
import { printListing } from "../../print/listing.ts";
import { formatBinarySize } from "../../print/sizes.ts";
import { tableStyles } from "../../print/table.ts";

export default defineCommand({
  summary: "show what takes space on disk, by namespace and kind",
  description:
    "SHARED is the part of SIZE that other namespaces have as well; the total counts it once. FREEABLE is what the next collection removes.",
  examples: ["system df", "system df -o json"],
  flags: { output: outputFlag },
  args: {},
  async run({ flags }, context) {
    const usage = await readDiskUsage(await context.openClient());
    if (flags.output === "json") writeOut(formatJson(usage));
    else printUsage(usage);
  },
});

function printUsage({ rows, totalBytes }: DiskUsage): void {
  const lines = rows.map(({ namespace = "-", kind, count, sizeBytes, sharedBytes, freeableBytes }) => [
    namespace,
    kind,
    String(count),
    ...[sizeBytes, sharedBytes, freeableBytes].map(formatBinarySize),
  ]);
  const total = ["-", "total", "", formatBinarySize(totalBytes), "", ""];
  printListing(
    {
      style: tableStyles.spaced,
      header: ["NAMESPACE", "KIND", "COUNT", "SIZE", "SHARED", "FREEABLE"],
      rows: [...lines, total],
      records: rows,
    },
    "table",
  );
}
