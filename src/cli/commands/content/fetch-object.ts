import { openResolver } from "../../../client/images/resolver.ts";
import { defineCommand, required } from "../../command.ts";
import { registryFlags, remoteOptionsOf } from "../../flags/registry.ts";
import { printVerified } from "../../print-verified.ts";

export default defineCommand({
  summary: "print the manifest that a reference names in its registry",
  description: "Nothing is stored. Of an image for several platforms it is the index.",
  examples: ["content fetch-object docker.io/library/busybox:latest | jq ."],
  flags: registryFlags,
  args: { ref: required("please provide a reference to fetch", { completion: "images" }) },
  async run({ flags, args }, { signal }) {
    const resolver = await openResolver(await remoteOptionsOf(flags, args.ref));
    const { name, target } = await resolver.resolve(args.ref, signal);
    await printVerified(target, resolver.fetcher(name).fetch(target, { signal }));
  },
});
