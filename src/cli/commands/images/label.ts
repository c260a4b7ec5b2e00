import { collectInBackground, concernsCollector } from "../../../client/collect.ts";
import { labelImage } from "../../../client/images/images.ts";
import { mergeLabels, parseLabels } from "../../../core/labels.ts";
import { defineCommand, required, variadic } from "../../command.ts";
import { booleanFlag } from "../../flags/flag.ts";
import { writeOut } from "../../output.ts";
import { formatLabels } from "../../print/labels.ts";

export default defineCommand({
  summary: "set and clear labels of an image",
  description: "KEY=VALUE sets a label, KEY= removes it; the labels that it then has are printed.",
  examples: ["images label docker.io/library/busybox:latest team=ci", "images label -r busybox a=1 b=2"],
  flags: { replaceAll: booleanFlag("drop all other labels", { alias: "r" }) },
  args: { name: required("please specify an image", { completion: "images" }), labels: variadic() },
  async run({ flags, args }, context) {
    const client = await context.openClient();
    const changes = parseLabels(args.labels);
    const image = await labelImage(client, args.name, (labels) =>
      mergeLabels(flags.replaceAll ? {} : labels, changes),
    );
    if (flags.replaceAll || concernsCollector(changes)) collectInBackground(client);
    writeOut(`${formatLabels(image.labels, "")}\n`);
  },
});
