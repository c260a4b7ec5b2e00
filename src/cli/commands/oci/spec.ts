import { defaultSpec } from "../../../client/spec.ts";
import { defineCommand } from "../../command.ts";
import { writeOut } from "../../output.ts";
import { formatJson } from "../../print/json.ts";

export default defineCommand({
  summary: "print the default runtime spec",
  flags: {},
  args: {},
  async run(_input, context) {
    writeOut(formatJson(defaultSpec(context.globals.namespace)));
  },
});
