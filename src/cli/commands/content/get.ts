import { parseDigest } from "../../../core/digest.ts";
import { defineCommand, required } from "../../command.ts";
import { writeOut } from "../../output.ts";

export default defineCommand({
  summary: "print the bytes of a blob",
  examples: ["content get sha256:… | jq ."],
  flags: {},
  args: { digest: required("invalid checksum digest format", { completion: "digests" }) },
  async run({ args }, context) {
    const client = await context.openClient();
    await using reader = await (await client.content()).reader(parseDigest(args.digest));
    for await (const chunk of reader.stream()) {
      context.signal.throwIfAborted();
      writeOut(chunk);
    }
  },
});
