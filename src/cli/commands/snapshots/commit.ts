import { gcRootLabel } from "../../../client/snapshots/gc-root.ts";
import { defineCommand, required } from "../../command.ts";
import { snapshotterFlags } from "../../flags/snapshotter.ts";

export default defineCommand({
  summary: "turn an active snapshot into a committed one",
  flags: snapshotterFlags,
  args: { name: required(), active: required({ completion: "snapshots" }) },
  async run({ flags, args }, context) {
    const client = await context.openClient();
    const snapshotter = await client.snapshotter(flags.snapshotter);
    await snapshotter.commit(args.name, args.active, { labels: gcRootLabel() });
  },
});
