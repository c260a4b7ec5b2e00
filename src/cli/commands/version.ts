import { defineCommand } from "../command.ts";
import { outputFlag } from "../flags/output.ts";
import { writeOut } from "../output.ts";
import { formatJson } from "../print/json.ts";
import { revision, version } from "../version.ts";

export default defineCommand({
  summary: "print the version",
  flags: { output: outputFlag },
  args: {},
  async run({ flags }) {
    const client = { version, revision, bunVersion: Bun.version };
    if (flags.output === "json") {
      writeOut(formatJson({ client }));
      return;
    }
    writeOut(`Client:\n  Version:  ${version}\n  Revision: ${revision}\n  Bun version: ${Bun.version}\n`);
  },
});
