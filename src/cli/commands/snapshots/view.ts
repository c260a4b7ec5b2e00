import { defineCommand, optional, required } from "../../command.ts";
import { newSnapshotFlags, printNewMounts } from "../../flags/new-snapshot.ts";

export default defineCommand({
  summary: "make a snapshot for reading only",
  flags: newSnapshotFlags,
  args: { key: required(), parent: optional({ completion: "snapshots" }) },
  async run({ flags, args }, context) {
    const client = await context.openClient();
    const snapshotter = await client.snapshotter(flags.snapshotter);
    printNewMounts(flags, await snapshotter.view(args.key, args.parent ?? ""));
  },
});
