import { unmountImage } from "../../../client/images/mount-image.ts";
import { defineCommand, required } from "../../command.ts";
import { booleanFlag, listFlag } from "../../flags/flag.ts";
import { noRegistryFlags } from "../../flags/no-registry.ts";
import { snapshotterFlags } from "../../flags/snapshotter.ts";
import { writeOut } from "../../output.ts";

export default defineCommand({
  summary: "unmount an image",
  description: "Its snapshot stays and can be mounted again, unless --rm is given.",
  examples: ["images unmount /mnt", "images unmount --rm /mnt"],
  flags: {
    rm: booleanFlag("also remove the snapshot, its lease, and a directory that images mount has made"),
    ...snapshotterFlags,
    label: listFlag("has no effect: nothing is made that could have a label", { placeholder: "KEY=VALUE" }),
    ...noRegistryFlags,
  },
  args: { target: required("please provide a target path to unmount from", { completion: "directories" }) },
  async run({ flags, args }, context) {
    const client = await context.openClient();
    await unmountImage(client, args.target, { isRemoved: flags.rm, snapshotter: flags.snapshotter });
    writeOut(`${args.target}\n`);
  },
});
