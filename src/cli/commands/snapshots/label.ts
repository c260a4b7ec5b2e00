import { collectInBackground, concernsCollector } from "../../../client/collect.ts";
import { parseLabels } from "../../../core/labels.ts";
import { defineCommand, required, variadic } from "../../command.ts";
import { snapshotterFlags } from "../../flags/snapshotter.ts";
import { writeOut } from "../../output.ts";
import { formatLabels } from "../../print/labels.ts";

export default defineCommand({
  summary: "set and clear labels of a snapshot",
  description: "KEY=VALUE sets a label, KEY= removes it; the labels that it then has are printed.",
  flags: snapshotterFlags,
  args: { key: required({ completion: "snapshots" }), labels: variadic() },
  async run({ flags, args }, context) {
    const changes = parseLabels(args.labels);
    const client = await context.openClient();
    const snapshotter = await client.snapshotter(flags.snapshotter);
    const { labels } = await snapshotter.label(args.key, changes);
    if (concernsCollector(changes)) collectInBackground(client);
    writeOut(`${formatLabels(labels, "")}\n`);
  },
});
