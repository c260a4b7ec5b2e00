import { parseDigest } from "../../../core/digest.ts";
import { hasCode, withSubject } from "../../../core/errors.ts";
import { defineCommand, required } from "../../command.ts";
import { integerFlag, stringFlag } from "../../flags/flag.ts";

export default defineCommand({
  summary: "store standard input as a blob",
  description: "KEY names the transfer: giving it again after a failure starts over.",
  examples: ["content ingest layer-1 <layer.tar"],
  flags: {
    expectedSize: integerFlag("refuse another size; 0 is any", { default: 0, placeholder: "BYTES" }),
    expectedDigest: stringFlag("refuse another digest", { placeholder: "DIGEST" }),
  },
  args: { key: required("must specify a transaction reference") },
  async run({ flags, args }, context) {
    const digest = flags.expectedDigest ? parseDigest(flags.expectedDigest) : undefined;
    const size = flags.expectedSize > 0 ? flags.expectedSize : undefined;
    const client = await context.openClient();
    const content = await client.content();
    try {
      await using writer = await content.writer(args.key, { expected: { digest, size } });
      await writer.truncate();
      for await (const chunk of Bun.stdin.stream()) {
        context.signal.throwIfAborted();
        await writer.write(chunk);
      }
      await writer.commit({ digest, size });
    } catch (error) {
      if (hasCode(error, "AlreadyExists")) return;
      if (!hasCode(error, "FailedPrecondition")) throw error;
      throw withSubject(`failed commit on ref ${JSON.stringify(args.key)}: commit failed`, error);
    }
  },
});
