import { inspectRuntime } from "../../../client/containers/inspect-runtime.ts";
import { defineCommand } from "../../command.ts";
import { runtimeFlags, runtimeOf } from "../../flags/runtime.ts";
import { warn, writeOut } from "../../output.ts";
import { formatJson } from "../../print/json.ts";

const { noPivot: _, ...flags } = runtimeFlags;

export default defineCommand({
  summary: "describe the OCI runtime that containers are started with",
  description: "Says on standard error which known faults of that runtime may not be mended here.",
  examples: ["plugins inspect-runtime", "plugins inspect-runtime --runc-binary runc"],
  flags,
  args: {},
  async run({ flags }) {
    // Whatever the cgroup will be: none is made here.
    const runtime = await runtimeOf({ ...flags, noPivot: false, cgroup: "any" });
    const { version, revision, options, features, warnings } = await inspectRuntime(runtime);
    writeOut(
      formatJson({
        Name: runtime.name,
        Version: { Version: version, Revision: revision },
        Options: options
          ? { binary_name: options.binaryName, root: options.root, systemd_cgroup: options.systemdCgroup }
          : null,
        Features: features ?? null,
      }),
    );
    for (const warning of warnings) warn(warning);
  },
});
