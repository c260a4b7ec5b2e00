import { defaultSpec } from "../../../client/containers/spec.ts";
import { CtrError } from "../../../core/errors.ts";
import { defineCommand } from "../../command.ts";
import { stringFlag } from "../../flags/flag.ts";
import { platformOf } from "../../flags/platform.ts";
import { writeOut } from "../../output.ts";
import { formatJson } from "../../print/json.ts";

export default defineCommand({
  summary: "print the default runtime spec",
  flags: {
    platform: stringFlag("whose spec to print; the same for every processor", {
      placeholder: "OS/ARCH",
      completion: "platforms",
    }),
  },
  args: {},
  async run({ flags }, context) {
    const os = flags.platform ? platformOf(flags.platform).os : "linux";
    if (os !== "linux") throw new CtrError("NotImplemented", `runtime spec for ${os}`);
    writeOut(formatJson(defaultSpec(context.globals.namespace)));
  },
});
