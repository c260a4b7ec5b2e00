import { gcRootLabel } from "../../../client/snapshots/gc-root.ts";
import { defineCommand, optional, required } from "../../command.ts";
import { newSnapshotFlags, printNewMounts } from "../../flags/new-snapshot.ts";

export default defineCommand({
  summary: "make a snapshot that can be written to",
  description: "It stays until it is deleted.",
  examples: ["snapshots prepare -t /mnt scratch sha256:…"],
  flags: newSnapshotFlags,
  args: { key: required(), parent: optional({ completion: "snapshots" }) },
  async run({ flags, args }, context) {
    const client = await context.openClient();
    const snapshotter = await client.snapshotter(flags.snapshotter);
    const mounts = await snapshotter.prepare(args.key, args.parent ?? "", { labels: gcRootLabel() });
    printNewMounts(flags, mounts);
  },
});
