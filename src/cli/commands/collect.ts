import { collectGarbage } from "../../client/collect.ts";
import { defineCommand } from "../command.ts";

export default defineCommand({
  summary: "remove what nothing refers to any more, in all namespaces",
  flags: {},
  args: {},
  async run(_input, context) {
    await collectGarbage(await context.openClient(), context.signal);
  },
});
