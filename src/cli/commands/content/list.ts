import { defineCommand, variadic } from "../../command.ts";
import { listingFlags } from "../../flags/listing.ts";
import { formatAge } from "../../print/ages.ts";
import { formatLabels } from "../../print/labels.ts";
import { printListing, printNames } from "../../print/listing.ts";
import { formatDecimalSize } from "../../print/sizes.ts";
import { tableStyles } from "../../print/table.ts";

export default defineCommand({
  summary: "list blobs",
  description: "Filters select by digest or labels.KEY.",
  flags: listingFlags,
  args: { filters: variadic() },
  async run({ flags, args }, context) {
    const client = await context.openClient();
    const blobs = await Array.fromAsync((await client.content()).walk(args.filters));
    if (flags.quiet) return printNames(blobs.map(({ digest }) => digest));
    const now = Date.now();
    printListing(
      {
        style: tableStyles.tabs,
        header: ["DIGEST", "SIZE", "AGE", "LABELS"],
        rows: blobs.map(({ digest, size, createdAt, labels }) => [
          digest,
          formatDecimalSize(size),
          formatAge(now - createdAt.getTime()),
          formatLabels(labels),
        ]),
        records: blobs.map(({ digest, size, labels, createdAt, updatedAt }) => {
          return { digest, sizeBytes: size, labels, createdAt, updatedAt };
        }),
      },
      flags.output,
    );
  },
});
