import { mergeLabels, parseLabels } from "../../../core/labels.ts";
import { defineCommand, required, variadic } from "../../command.ts";
import { writeOut } from "../../output.ts";
import { formatLabels } from "../../print/labels.ts";

export default defineCommand({
  summary: "set and clear labels of a container",
  description: "KEY=VALUE sets a label, KEY= removes it; the labels that it then has are printed.",
  flags: {},
  args: {
    container: required("container id must be provided: invalid argument", { completion: "containers" }),
    labels: variadic(),
  },
  async run({ args }, context) {
    const client = await context.openClient();
    const changes = parseLabels(args.labels);
    const { labels } = (await client.containers()).update(args.container, (container) => ({
      ...container,
      labels: mergeLabels(container.labels, changes),
    }));
    writeOut(`${formatLabels(labels, "")}\n`);
  },
});
