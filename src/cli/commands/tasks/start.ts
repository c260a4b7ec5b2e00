import { startAttached, startDetached } from "../../../client/containers/run.ts";
import type { Spec } from "../../../core/runtime-spec.ts";
import { defineCommand, required } from "../../command.ts";
import { booleanFlag } from "../../flags/flag.ts";
import { taskIoFlags, taskIoOf } from "../../flags/task-io.ts";
import { networkOptions } from "../../network-options.ts";

export default defineCommand({
  summary: "start a container that exists",
  description: "The exit code is the container's own.",
  examples: ["tasks start web", "tasks start -d web"],
  flags: {
    ...taskIoFlags,
    noPivot: booleanFlag("do not use pivot_root, for a root filesystem on a ramdisk"),
  },
  args: { container: required("container id must be provided", { completion: "containers" }) },
  async run({ flags, args }, context) {
    const client = await context.openClient();
    const spec = (await client.containers()).get(args.container).spec as Spec;
    const io = taskIoOf(flags, spec.process?.terminal ?? false);
    const options = { io, noPivot: flags.noPivot, pidFile: flags.pidFile, ...networkOptions(context) };
    if (flags.detach) {
      await startDetached(client, args.container, options);
      return 0;
    }
    if (io.kind === "attached") return (await startAttached(client, args.container, options)).status;
    const { followTask } = await import("../../follow-task.ts");
    return followTask(client, (interrupted) =>
      startDetached(client, args.container, { ...options, interrupted }),
    );
  },
});
