import { openResolver } from "../../../client/images/resolver.ts";
import { parseDigest } from "../../../core/digest.ts";
import { defineCommand, required, variadic } from "../../command.ts";
import { stringFlag } from "../../flags/flag.ts";
import { registryFlags, remoteOptionsOf } from "../../flags/registry.ts";
import { printVerified } from "../../print-verified.ts";
import { MissingArgument } from "../../usage-error.ts";

export default defineCommand({
  summary: "print blobs of a repository, one after the other",
  description: "Nothing is stored. REF says in which registry and repository they are.",
  examples: ["content fetch-blob docker.io/library/busybox:latest sha256:…"],
  flags: {
    ...registryFlags,
    mediaType: stringFlag("media type of the blobs; manifests are asked for by theirs", {
      placeholder: "TYPE",
    }),
  },
  args: {
    ref: required("please provide a reference to fetch from", { completion: "images" }),
    digests: variadic({ completion: "digests" }),
  },
  async run({ flags, args }, { signal }) {
    if (args.digests.length === 0) throw new MissingArgument("must specify digests");
    const digests = args.digests.map(parseDigest);
    const resolver = await openResolver(await remoteOptionsOf(flags, args.ref));
    const fetcher = resolver.fetcher(args.ref);
    for (const digest of digests) {
      const descriptor = await fetcher.describe({ digest, mediaType: flags.mediaType ?? "" }, signal);
      await printVerified(descriptor, fetcher.fetch(descriptor, { signal }));
    }
  },
});
