import { collectInBackground, concernsCollector } from "../../../client/collect.ts";
import { parseDigest } from "../../../core/digest.ts";
import { parseLabels } from "../../../core/labels.ts";
import { defineCommand, required, variadic } from "../../command.ts";
import { writeOut } from "../../output.ts";
import { formatLabels } from "../../print/labels.ts";

export default defineCommand({
  summary: "set and clear labels of a blob",
  description: "KEY=VALUE sets a label, KEY= removes it; the labels that it then has are printed.",
  flags: {},
  args: {
    digest: required("invalid checksum digest format", { completion: "digests" }),
    labels: variadic(),
  },
  async run({ args }, context) {
    const digest = parseDigest(args.digest);
    const changes = parseLabels(args.labels);
    const client = await context.openClient();
    const { labels } = await (await client.content()).label(digest, changes);
    if (concernsCollector(changes)) collectInBackground(client);
    writeOut(`${formatLabels(labels, "")}\n`);
  },
});
