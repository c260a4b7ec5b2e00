import { defineCommand, required } from "../../command.ts";
import { snapshotterFlags } from "../../flags/snapshotter.ts";
import { writeOut } from "../../output.ts";
import { formatMountCommands } from "../../print/mounts.ts";

export default defineCommand({
  summary: "print the commands that mount a snapshot",
  examples: ["snapshots mounts /mnt web | sh"],
  flags: snapshotterFlags,
  args: { target: required({ completion: "directories" }), key: required({ completion: "snapshots" }) },
  async run({ flags, args }, context) {
    const client = await context.openClient();
    const snapshotter = await client.snapshotter(flags.snapshotter);
    writeOut(formatMountCommands(await snapshotter.mounts(args.key), args.target));
  },
});
