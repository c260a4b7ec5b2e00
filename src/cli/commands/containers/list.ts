import { defineCommand, variadic } from "../../command.ts";
import { listingFlags } from "../../flags/listing.ts";
import { printListing, printNames } from "../../print/listing.ts";
import { tableStyles } from "../../print/table.ts";

export default defineCommand({
  summary: "list containers",
  description: "Filters select by id, image, runtime.name or labels.KEY.",
  flags: listingFlags,
  args: { filters: variadic() },
  async run({ flags, args }, context) {
    const client = await context.openClient();
    const containers = (await client.containers()).list(args.filters);
    if (flags.quiet) return printNames(containers.map(({ id }) => id));
    printListing(
      {
        style: tableStyles.wide,
        header: ["CONTAINER", "IMAGE", "RUNTIME"],
        rows: containers.map(({ id, image, runtime }) => [id, image || "-", runtime.name]),
        records: containers.map(
          ({ id, image, runtime, snapshotter, snapshotKey, labels, createdAt, updatedAt }) => {
            return {
              id,
              image,
              runtime: runtime.name,
              snapshotter,
              snapshotKey,
              labels,
              createdAt,
              updatedAt,
            };
          },
        ),
      },
      flags.output,
    );
  },
});
