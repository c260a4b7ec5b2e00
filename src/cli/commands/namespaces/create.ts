import { parseLabels } from "../../../core/labels.ts";
import { defineCommand, required, variadic } from "../../command.ts";

export default defineCommand({
  summary: "create a namespace",
  description: "Namespaces also come into being with the first thing made in them.",
  examples: ["namespaces create build", "namespaces create build team=ci"],
  flags: {},
  args: { name: required("please specify a namespace"), labels: variadic() },
  async run({ args }, context) {
    const client = await context.openClient();
    (await client.namespaces()).create({ name: args.name, labels: parseLabels(args.labels) });
  },
});
