import { collectGarbage, collectInBackground } from "../../../client/collect.ts";
import { pruneReferences } from "../../../client/content/prune-references.ts";
import { defineCommand } from "../../command.ts";
import { booleanFlag } from "../../flags/flag.ts";
import { writeError } from "../../output.ts";

export default defineCommand({
  summary: "delete layers that only manifests refer to",
  description:
    "Images that are unpacked still run from their snapshots; pulling them again fetches their layers again.",
  examples: ["content prune references --dry", "content prune references"],
  flags: {
    dry: booleanFlag("only say, on standard error, what would be done"),
    async: booleanFlag("do not wait until the layers are gone"),
  },
  args: {},
  async run({ flags }, context) {
    const client = await context.openClient();
    const removed = await pruneReferences(client, { dryRun: flags.dry });
    if (flags.dry || context.globals.debug) {
      const verb = flags.dry ? "would remove" : "removed";
      for (const { digest, label } of removed) writeError(`ctr: ${verb} label ${label} of ${digest}\n`);
    }
    if (flags.dry) return;
    if (flags.async) collectInBackground(client);
    else await collectGarbage(client, context.signal);
  },
});
