import { defineCommand } from "../../command.ts";
import { stringFlag } from "../../flags/flag.ts";
import { outputFlag } from "../../flags/output.ts";
import { writeOut } from "../../output.ts";

export default defineCommand({
  summary: "list what is in use and will go away: nothing so far",
  flags: {
    format: stringFlag("json, or else a table", { placeholder: "FORMAT", completion: ["table", "json"] }),
    output: outputFlag,
  },
  args: {},
  async run({ flags }) {
    if (flags.format === "json" || flags.output === "json") writeOut("[]\n");
  },
});
