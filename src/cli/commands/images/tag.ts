import { collectInBackground } from "../../../client/collect.ts";
import { tagImage } from "../../../client/images/images.ts";
import { defineCommand, required, variadic } from "../../command.ts";
import { alwaysAnyName, alwaysLocal } from "../../flags/always.ts";
import { booleanFlag } from "../../flags/flag.ts";
import { writeOut } from "../../output.ts";
import { MissingArgument } from "../../usage-error.ts";

export default defineCommand({
  summary: "give an image more names",
  examples: ["images tag docker.io/library/busybox:latest localhost:5000/tools:1"],
  flags: {
    force: booleanFlag("move a name that another image has"),
    local: alwaysLocal,
    skipReferenceCheck: alwaysAnyName,
  },
  args: {
    source: required("please provide an image reference to tag from", { completion: "images" }),
    targets: variadic({ completion: "images" }),
  },
  async run({ flags, args }, context) {
    if (args.targets.length === 0) throw new MissingArgument("please provide an image reference to tag to");
    const client = await context.openClient();
    for (const target of args.targets) {
      await tagImage(client, args.source, target, { force: flags.force });
      writeOut(`${target}\n`);
    }
    // What a name that was moved stood for before may have no other.
    if (flags.force) collectInBackground(client);
  },
});
