import { collectInTurn } from "../../client/collect.ts";
import { defineCommand } from "../command.ts";

export default defineCommand({
  summary: "remove what nothing refers to any more, in all namespaces",
  flags: {},
  args: {},
  async run(_input, context) {
    await collectInTurn(await context.openClient(), context.signal);
  },
});
