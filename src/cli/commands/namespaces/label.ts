import { parseLabels } from "../../../core/labels.ts";
import { defineCommand, required, variadic } from "../../command.ts";

export default defineCommand({
  summary: "set and clear labels of a namespace",
  description: "KEY=VALUE sets a label, KEY= removes it.",
  examples: ["namespaces label build team=ci", "namespaces label build team="],
  flags: {},
  args: { name: required("please specify a namespace", { completion: "namespaces" }), labels: variadic() },
  async run({ args }, context) {
    const client = await context.openClient();
    (await client.namespaces()).label(args.name, parseLabels(args.labels));
  },
});
