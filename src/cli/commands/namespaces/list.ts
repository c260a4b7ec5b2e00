import { defineCommand } from "../../command.ts";
import { listingFlags } from "../../flags/listing.ts";
import { formatLabels } from "../../print/labels.ts";
import { printListing, printNames } from "../../print/listing.ts";
import { tableStyles } from "../../print/table.ts";

export default defineCommand({
  summary: "list namespaces",
  flags: listingFlags,
  args: {},
  async run({ flags }, context) {
    const client = await context.openClient();
    const namespaces = (await client.namespaces()).list();
    if (flags.quiet) return printNames(namespaces.map(({ name }) => name));
    printListing(
      {
        style: tableStyles.narrow,
        header: ["NAME", "LABELS"],
        rows: namespaces.map(({ name, labels }) => [name, formatLabels(labels, "")]),
        records: namespaces.map(({ name, labels }) => ({ name, labels })),
      },
      flags.output,
    );
  },
});
