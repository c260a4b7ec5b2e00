import { defineCommand, variadic } from "../../command.ts";
import { booleanFlag } from "../../flags/flag.ts";
import { outputFlag } from "../../flags/output.ts";
import { snapshotterFlags } from "../../flags/snapshotter.ts";
import { printListing } from "../../print/listing.ts";
import { formatBinarySize } from "../../print/sizes.ts";
import { tableStyles } from "../../print/table.ts";

export default defineCommand({
  summary: "show how much space snapshots take",
  description: "Each without its parents. All snapshots when none is named.",
  flags: { ...snapshotterFlags, b: booleanFlag("print plain bytes"), output: outputFlag },
  args: { keys: variadic({ completion: "snapshots" }) },
  async run({ flags, args }, context) {
    const client = await context.openClient();
    const snapshotter = await client.snapshotter(flags.snapshotter);
    const all = async () => (await Array.fromAsync(snapshotter.walk())).map(({ key }) => key);
    const keys = args.keys.length > 0 ? args.keys : await all();
    const usages = [];
    for (const key of keys) usages.push({ key, ...(await snapshotter.usage(key)) });
    printListing(
      {
        style: tableStyles.narrow,
        header: ["KEY", "SIZE", "INODES"],
        rows: usages.map(({ key, sizeBytes, inodes }) => [
          key,
          flags.b ? String(sizeBytes) : formatBinarySize(sizeBytes),
          String(inodes),
        ]),
        records: usages,
      },
      flags.output,
    );
  },
});
