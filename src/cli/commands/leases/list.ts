import { defineCommand, variadic } from "../../command.ts";
import { listingFlags } from "../../flags/listing.ts";
import { formatLabels } from "../../print/labels.ts";
import { printListing, printNames } from "../../print/listing.ts";
import { tableStyles } from "../../print/table.ts";
import { formatLocalTime } from "../../print/times.ts";

export default defineCommand({
  summary: "list leases",
  flags: listingFlags,
  args: { filters: variadic() },
  async run({ flags, args }, context) {
    const client = await context.openClient();
    const leases = (await client.leases()).list(args.filters);
    if (flags.quiet) return printNames(leases.map(({ id }) => id));
    printListing(
      {
        style: tableStyles.narrow,
        header: ["ID", "CREATED AT", "LABELS"],
        rows: leases.map(({ id, createdAt, labels }) => [
          id,
          formatLocalTime(createdAt),
          formatLabels(labels),
        ]),
        records: leases,
      },
      flags.output,
    );
  },
});
