import { describeSystem } from "../../client/system/info.ts";
import { defineCommand } from "../command.ts";
import { warn, writeOut } from "../output.ts";
import { formatJson } from "../print/json.ts";
import { revision, version } from "../version.ts";

export default defineCommand({
  summary: "describe as JSON where ctr works and with what",
  description:
    "There is no server to describe. Says on standard error what somebody should see to, such as an OCI runtime with known faults.",
  flags: {},
  args: {},
  async run(_input, context) {
    const info = await describeSystem(await context.openClient());
    writeOut(formatJson({ server: null, client: { version, revision, ...info } }));
    for (const warning of info.warnings) warn(warning);
  },
});
