import { generateId } from "../../client/containers/create-container.ts";
import { deleteContainer } from "../../client/containers/delete-container.ts";
import { type RunOptions, run, runDetached, runEphemeral } from "../../client/containers/run.ts";
import { findImage } from "../../client/images/images.ts";
import type { Client } from "../../client/open.ts";
import { ifPresent } from "../../core/errors.ts";
import { parseLabels } from "../../core/labels.ts";
import { defineCommand, optional, variadic } from "../command.ts";
import type { Context } from "../context.ts";
import { alwaysSynced } from "../flags/always.ts";
import { booleanFlag, type FlagValues, stringFlag } from "../flags/flag.ts";
import { isolationFlags, isolationOf } from "../flags/isolation.ts";
import { isWantedCni, nameContainer, newContainerFlags } from "../flags/new-container.ts";
import { platformOf } from "../flags/platform.ts";
import { runtimeOf } from "../flags/runtime.ts";
import { containerLabelsOf, specInputOf } from "../flags/spec.ts";
import { taskIoFlags, taskIoOf } from "../flags/task-io.ts";
import { networkOptions } from "../network-options.ts";
import { writeOut } from "../output.ts";
import { UsageError } from "../usage-error.ts";

const runFlags = {
  rm: booleanFlag("delete the container when it has ended; not with --detach"),
  ...taskIoFlags,
  platform: stringFlag("which of the image's platforms to run", {
    placeholder: "OS/ARCH",
    completion: "platforms",
  }),
  ...isolationFlags,
  ...newContainerFlags,
  dumpConfig: stringFlag("file that the runtime spec is written to, before the container is started", {
    placeholder: "FILE",
    completion: "files",
  }),
  syncFs: alwaysSynced,
};

export default defineCommand({
  summary: "run a container",
  description:
    "Flags go before the container's command. An image that is missing is pulled first. Without an id one is made up; ctr run IMAGE -- COMMAND gives a command without an id. The exit code is the container's own.",
  examples: [
    "run --rm -t docker.io/library/busybox:latest shell",
    "run -d docker.io/library/nginx:latest web",
    "run --rm busybox -- echo hello",
  ],
  flags: runFlags,
  args: { image: optional({ completion: "images" }), container: optional(), args: variadic() },
  commandAfter: 2,
  async run({ flags, args }, context) {
    if (flags.detach && flags.rm)
      throw new UsageError("flags --detach and --rm cannot be specified together");
    const platform = flags.platform ? platformOf(flags.platform) : undefined;
    const { source, id = generateId() } = nameContainer(flags, args, { platform });
    const client = await context.openClient();
    const options: RunOptions = {
      id,
      source,
      spec: { ...(await specInputOf(flags)), ...(await isolationOf(flags)), args: args.args },
      labels: containerLabelsOf(flags),
      snapshotter: flags.snapshotter,
      snapshotterLabels: parseLabels(flags.snapshotterLabel),
      remapLabels: flags.remapLabels,
      runtime: await runtimeOf(flags),
      dumpSpec: flags.dumpConfig,
      cni: isWantedCni(flags),
      ...networkOptions(context),
      io: taskIoOf(flags, flags.tty),
      noPivot: flags.noPivot,
      pidFile: flags.pidFile,
    };
    await pullMissing(client, options, context);
    const isNamed = flags.config ? args.image : args.container;
    if (flags.detach && !isNamed) writeOut(`${id}\n`);
    return start(client, options, flags);
  },
});

async function start(
  client: Client,
  options: RunOptions,
  flags: FlagValues<typeof runFlags>,
): Promise<number> {
  if (flags.detach) {
    await runDetached(client, options);
    return 0;
  }
  if (options.io.kind === "attached") {
    return (await (flags.rm ? runEphemeral : run)(client, options)).status;
  }
  return runUnattached(client, options, flags.rm);
}

/** In the foreground, with the streams elsewhere. */
async function runUnattached(client: Client, options: RunOptions, isEphemeral: boolean): Promise<number> {
  const { followTask } = await import("../follow-task.ts");
  const status = await followTask(client, (interrupted) => runDetached(client, { ...options, interrupted }));
  if (isEphemeral) await deleteContainer(client, options.id);
  return status;
}

/** What is not there yet is pulled without a word on standard output, which is the container's. */
async function pullMissing(
  client: Client,
  { source, snapshotter }: RunOptions,
  context: Context,
): Promise<void> {
  if (source.kind !== "image" || (await ifPresent(() => findImage(client, source.name)))) return;
  const { pullShown } = await import("../pull-image.ts");
  const platforms = source.platform ? [source.platform] : undefined;
  await pullShown(client, source.name, { platforms, snapshotter }, context);
}
