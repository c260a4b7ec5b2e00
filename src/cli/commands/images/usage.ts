import { imageUsage } from "../../../client/images/image-usage.ts";
import { defineCommand, required } from "../../command.ts";
import { outputFlag } from "../../flags/output.ts";
import { snapshotterFlags } from "../../flags/snapshotter.ts";
import { printListing } from "../../print/listing.ts";
import { formatBinarySize } from "../../print/sizes.ts";
import { tableStyles } from "../../print/table.ts";

export default defineCommand({
  summary: "show how much space the unpacked layers of an image take",
  description: "From the topmost layer down; layers that other images share are counted in full.",
  examples: ["images usage docker.io/library/busybox:latest"],
  flags: { ...snapshotterFlags, output: outputFlag },
  args: { ref: required("please provide an image reference", { completion: "images" }) },
  async run({ flags, args }, context) {
    const usages = await imageUsage(await context.openClient(), args.ref, flags.snapshotter);
    printListing(
      {
        style: tableStyles.narrow,
        header: ["KEY", "SIZE", "INODES"],
        rows: usages.map(({ key, sizeBytes, inodes }) => [key, formatBinarySize(sizeBytes), String(inodes)]),
        records: usages,
      },
      flags.output,
    );
  },
});
