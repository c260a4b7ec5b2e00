import { collectGarbage, collectInBackground } from "../../../client/collect.ts";
import { pruneImages } from "../../../client/images/prune-images.ts";
import { defineCommand } from "../../command.ts";
import { booleanFlag } from "../../flags/flag.ts";
import { warn, writeOut } from "../../output.ts";

export default defineCommand({
  summary: "delete images that no container was made from",
  description:
    "Their content and snapshots go too, unless something else needs them: in the background, or before the command ends with --sync.",
  examples: ["images prune --all"],
  flags: {
    all: booleanFlag("delete all unused images; nothing happens without it"),
    sync: booleanFlag("wait until everything that nothing else needs is gone"),
  },
  args: {},
  async run({ flags }, context) {
    if (!flags.all) {
      warn("no images deleted: --all is needed to delete all unused images");
      return;
    }
    const client = await context.openClient();
    const deleted = await pruneImages(client);
    writeOut(deleted.map((name) => `${name}\n`).join(""));
    if (deleted.length === 0) return;
    if (flags.sync) await collectGarbage(client, context.signal);
    else collectInBackground(client);
  },
});
