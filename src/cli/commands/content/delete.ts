import { collectInBackground, concernsCollector } from "../../../client/collect.ts";
import { parseDigest } from "../../../core/digest.ts";
import { hasCode } from "../../../core/errors.ts";
import { forEachName } from "../../batch.ts";
import { defineCommand, variadic } from "../../command.ts";
import { writeOut } from "../../output.ts";

export default defineCommand({
  summary: "delete one or more blobs",
  description: "Those that are not there are skipped.",
  flags: {},
  args: { digests: variadic({ completion: "digests" }) },
  async run({ args }, context) {
    const client = await context.openClient();
    const content = await client.content();
    let hadReferences = false;
    await forEachName(args.digests, async (word) => {
      const digest = parseDigest(word);
      try {
        const { labels } = await content.info(digest);
        await content.delete(digest);
        hadReferences ||= concernsCollector(labels);
      } catch (error) {
        if (hasCode(error, "NotFound")) return;
        throw error;
      }
      writeOut(`${digest}\n`);
    });
    if (hadReferences) collectInBackground(client);
  },
});
