import { defineCommand } from "../../command.ts";
import { listingFlags } from "../../flags/listing.ts";
import { snapshotterFlags } from "../../flags/snapshotter.ts";
import { printListing, printNames } from "../../print/listing.ts";
import { tableStyles } from "../../print/table.ts";

export default defineCommand({
  summary: "list snapshots",
  flags: { ...snapshotterFlags, ...listingFlags },
  args: {},
  async run({ flags }, context) {
    const client = await context.openClient();
    const snapshots = await Array.fromAsync((await client.snapshotter(flags.snapshotter)).walk());
    if (flags.quiet) return printNames(snapshots.map(({ key }) => key));
    printListing(
      {
        style: tableStyles.narrow,
        header: ["KEY", "PARENT", "KIND"],
        rows: snapshots.map(({ key, parent, kind }) => [key, parent, kind]),
        records: snapshots.map(({ key, parent, kind, labels, createdAt, updatedAt }) => {
          return { key, parent, kind, labels, createdAt, updatedAt };
        }),
      },
      flags.output,
    );
  },
});
