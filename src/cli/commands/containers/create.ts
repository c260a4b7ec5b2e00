import { createContainer, generateId } from "../../../client/containers/create-container.ts";
import { parseLabels } from "../../../core/labels.ts";
import { defineCommand, optional, variadic } from "../../command.ts";
import { neverUsedPidFile } from "../../flags/always.ts";
import { isWantedCni, nameContainer, newContainerFlags } from "../../flags/new-container.ts";
import { runtimeOf } from "../../flags/runtime.ts";
import { containerLabelsOf, specInputOf } from "../../flags/spec.ts";
import { writeOut } from "../../output.ts";

export default defineCommand({
  summary: "create a container",
  description:
    "The container's command replaces the image's; flags go before it. Without an id one is made up and printed.",
  examples: [
    "containers create docker.io/library/busybox:latest web sleep 100",
    "containers create --config spec.json web",
  ],
  flags: { ...newContainerFlags, pidFile: neverUsedPidFile },
  args: {
    image: optional({ completion: "images" }),
    container: optional(),
    args: variadic(),
  },
  commandAfter: 2,
  async run({ flags, args }, context) {
    const { source, id = generateId() } = nameContainer(flags, args, { suffix: ": invalid argument" });
    const client = await context.openClient();
    await createContainer(client, {
      id,
      source,
      // As in ctr 1.6, where `--` ends the flags and is no part of the command.
      spec: { ...(await specInputOf(flags)), args: args.args[0] === "--" ? args.args.slice(1) : args.args },
      labels: containerLabelsOf(flags),
      snapshotter: flags.snapshotter,
      snapshotterLabels: parseLabels(flags.snapshotterLabel),
      runtime: await runtimeOf(flags),
      cni: isWantedCni(flags),
      signal: context.signal,
    });
    if (id !== args.container && !flags.config) writeOut(`${id}\n`);
  },
});
