import { INSTALL_DIRECTORY, installImage } from "../../client/images/install.ts";
import { defineCommand, required } from "../command.ts";
import { booleanFlag, stringFlag } from "../flags/flag.ts";

export default defineCommand({
  summary: "copy the programs in an image's /bin to this host",
  description: "Without set-user-id bits. Nothing is copied when one of them is there already.",
  examples: ["install --path /usr/local docker.io/library/tools:latest"],
  flags: {
    libs: booleanFlag("copy what is in its /lib as well", { alias: "l" }),
    replace: booleanFlag("replace files of the same names", { alias: "r" }),
    path: stringFlag("existing directory whose bin gets them", {
      default: INSTALL_DIRECTORY,
      placeholder: "DIR",
      completion: "directories",
    }),
  },
  args: { image: required('image "": not found', { completion: "images" }) },
  async run({ flags, args }, context) {
    const { libs: hasLibs, replace: replaces } = flags;
    // An empty one is what scripts give when they have none.
    const directory = flags.path || INSTALL_DIRECTORY;
    const client = await context.openClient();
    await installImage(client, args.image, { directory, hasLibs, replaces });
  },
});
