import { restore } from "../../../client/checkpoints/restore.ts";
import { findImage } from "../../../client/images/images.ts";
import type { Client } from "../../../client/open.ts";
import { ifPresent } from "../../../core/errors.ts";
import { defineCommand, required } from "../../command.ts";
import type { Context } from "../../context.ts";
import { booleanFlag } from "../../flags/flag.ts";

export default defineCommand({
  summary: "make a container of a checkpoint, and start it",
  description:
    "A checkpoint that is not here is pulled. The task goes on by itself, with its output in its log; one with a terminal gets the caller's, and its exit code. Of its networks only the loopback comes back.\n\nA checkpoint from elsewhere gets no more than an image would: one whose configuration asks for mounts, devices or privileges of the host is refused until you say that you trust it. With --live criu rebuilds its processes with the privileges that they had, and these the checkpoint alone says: restore that only of whom you trust with root.",
  examples: ["containers restore --rw --live web localhost:5000/checkpoints/web:1"],
  flags: {
    rw: booleanFlag("with what the container had changed of its files"),
    live: booleanFlag("with its processes and their memory, which go on"),
  },
  args: {
    container: required("container id must be provided", { completion: "containers" }),
    ref: required("ref must be provided", { completion: "images" }),
  },
  async run({ flags, args }, context) {
    const client = await context.openClient();
    await pullMissing(client, args.ref, context);
    return (await restore(client, args.container, args.ref, flags))?.status ?? 0;
  },
});

async function pullMissing(client: Client, ref: string, context: Context): Promise<void> {
  if (await ifPresent(() => findImage(client, ref))) return;
  const { pullShown } = await import("../../pull-image.ts");
  await pullShown(client, ref, {}, context);
}
