import { restore } from "../../../client/checkpoints/restore.ts";
import { findImage } from "../../../client/images/images.ts";
import type { Client } from "../../../client/open.ts";
import { ifPresent } from "../../../core/errors.ts";
import { defineCommand, required } from "../../command.ts";
import type { Context } from "../../context.ts";
import { booleanFlag } from "../../flags/flag.ts";
import { cniFlag } from "../../flags/new-container.ts";
import { networkOptions } from "../../network-options.ts";
import { warn } from "../../output.ts";

export default defineCommand({
  summary: "make a container of a checkpoint, and start it",
  description:
    "A checkpoint that is not here is pulled. The task goes on by itself, with its output in its log; one with a terminal gets the caller's, and its exit code.\n\nWhich network it is in, this host says: none but the loopback, or with --cni its default one, where it is given new addresses before its processes go on. TCP connections do not survive.\n\nA checkpoint from elsewhere gets no more than an image would: one whose configuration asks for mounts, devices or privileges of the host is refused until you say that you trust it. With --live criu rebuilds its processes with the privileges that they had, and these the checkpoint alone says: restore that only of whom you trust with root.",
  examples: ["containers restore --rw --live web localhost:5000/checkpoints/web:1"],
  flags: {
    rw: booleanFlag("with what the container had changed of its files"),
    live: booleanFlag("with its processes and their memory, which go on"),
    cni: cniFlag,
  },
  args: {
    container: required("container id must be provided", { completion: "containers" }),
    ref: required("ref must be provided", { completion: "images" }),
  },
  async run({ flags, args }, context) {
    const client = await context.openClient();
    await pullMissing(client, args.ref, context);
    const exit = await restore(client, args.container, args.ref, {
      ...flags,
      ...networkOptions(context),
      onNetworkMissed: () => warn("it was in a network, and comes back without; --cni gives it this host's"),
    });
    return exit?.status ?? 0;
  },
});

async function pullMissing(client: Client, ref: string, context: Context): Promise<void> {
  if (await ifPresent(() => findImage(client, ref))) return;
  const { pullShown } = await import("../../pull-image.ts");
  await pullShown(client, ref, {}, context);
}
