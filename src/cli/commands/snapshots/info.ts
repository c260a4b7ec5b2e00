import { defineCommand, required } from "../../command.ts";
import { snapshotterFlags } from "../../flags/snapshotter.ts";
import { writeOut } from "../../output.ts";
import { formatJson } from "../../print/json.ts";
import { sortLabels } from "../../print/labels.ts";
import { formatTime } from "../../print/times.ts";

export default defineCommand({
  summary: "describe a snapshot as JSON",
  flags: snapshotterFlags,
  args: { key: required({ completion: "snapshots" }) },
  async run({ flags, args }, context) {
    const client = await context.openClient();
    const snapshotter = await client.snapshotter(flags.snapshotter);
    const { key, parent, kind, labels, createdAt, updatedAt } = await snapshotter.stat(args.key);
    writeOut(
      formatJson({
        Kind: kind,
        Name: key,
        Parent: parent || undefined,
        Labels: Object.keys(labels).length > 0 ? sortLabels(labels) : undefined,
        Created: formatTime(createdAt),
        Updated: formatTime(updatedAt),
      }),
    );
  },
});
