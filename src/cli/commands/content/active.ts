import { defineCommand, optional } from "../../command.ts";
import { neverUsedContentRoot, neverUsedTimeout } from "../../flags/always.ts";
import { outputFlag } from "../../flags/output.ts";
import { formatAge } from "../../print/ages.ts";
import { printListing } from "../../print/listing.ts";
import { formatDecimalSize } from "../../print/sizes.ts";
import { tableStyles } from "../../print/table.ts";

export default defineCommand({
  summary: "list blobs on their way in",
  description: "A filter selects by ref.",
  flags: { output: outputFlag, timeout: neverUsedTimeout, root: neverUsedContentRoot },
  args: { filter: optional() },
  async run({ flags, args }, context) {
    const client = await context.openClient();
    const ingests = await (await client.content()).ingests(args.filter ? [args.filter] : []);
    const now = Date.now();
    printListing(
      {
        style: tableStyles.tabsClosed,
        header: ["REF", "SIZE", "AGE"],
        rows: ingests.map(({ ref, offset, startedAt }) => [
          ref,
          formatDecimalSize(offset),
          formatAge(now - startedAt.getTime()),
        ]),
        records: ingests.map(({ ref, offset, total, startedAt, updatedAt }) => {
          return { ref, offsetBytes: offset, totalBytes: total, startedAt, updatedAt };
        }),
      },
      flags.output,
    );
  },
});
