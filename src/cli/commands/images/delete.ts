import { collectGarbage, collectInBackground } from "../../../client/collect.ts";
import { findImage } from "../../../client/images/images.ts";
import { giveUpWork } from "../../../client/lease.ts";
import type { Client } from "../../../client/open.ts";
import { hasCode } from "../../../core/errors.ts";
import { forEachName } from "../../batch.ts";
import { defineCommand, variadic } from "../../command.ts";
import { booleanFlag } from "../../flags/flag.ts";
import { warn, writeOut } from "../../output.ts";

export default defineCommand({
  summary: "delete one or more images",
  description:
    "Their content and snapshots go too, unless something else needs them: in the background, or before the command ends with --sync.",
  examples: ["images delete docker.io/library/busybox:latest", "images delete --sync busybox alpine"],
  flags: { sync: booleanFlag("wait until everything that nothing else needs is gone") },
  args: { refs: variadic({ completion: "images" }) },
  async run({ flags, args }, context) {
    const client = await context.openClient();
    let deleted = 0;
    await forEachName(args.refs, async (ref) => {
      const name = await deleteImage(client, ref);
      if (name === undefined) return;
      deleted++;
      writeOut(`${name}\n`);
    });
    if (deleted === 0) return;
    if (flags.sync) await collectGarbage(client, context.signal);
    else collectInBackground(client);
  },
});

/** Answers its full name; undefined, with a warning, when there is none. */
async function deleteImage(client: Client, ref: string): Promise<string | undefined> {
  try {
    const { name } = await findImage(client, ref);
    (await client.images()).delete(name);
    await giveUpWork(client, name);
    return name;
  } catch (error) {
    if (!hasCode(error, "NotFound")) throw error;
    warn(`${ref}: image not found`);
    return undefined;
  }
}
