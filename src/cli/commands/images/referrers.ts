import { openResolver } from "../../../client/images/resolver.ts";
import type { Descriptor } from "../../../core/descriptor.ts";
import { quote } from "../../../core/quote.ts";
import { defineCommand, required } from "../../command.ts";
import { stringFlag } from "../../flags/flag.ts";
import { listingFlags } from "../../flags/listing.ts";
import { registryFlags, remoteOptionsOf } from "../../flags/registry.ts";
import { printListing, printNames } from "../../print/listing.ts";
import { formatBinarySize } from "../../print/sizes.ts";
import { tableStyles } from "../../print/table.ts";

export default defineCommand({
  summary: "list what a registry has about an image: signatures, attestations, SBOMs",
  description:
    "Of an image for several platforms that is what refers to its index; name a manifest by its digest to see what refers to that. Any of them is fetched with images pull REPOSITORY@DIGEST.",
  examples: [
    "images referrers registry.example.com/app:1.0",
    "images referrers --artifact-type application/spdx+json -q registry.example.com/app@sha256:…",
  ],
  flags: {
    ...registryFlags,
    artifactType: stringFlag("list those of this type alone", { placeholder: "TYPE" }),
    ...listingFlags,
  },
  args: { ref: required("please provide an image reference", { completion: "images" }) },
  async run({ flags, args }, { signal }) {
    const resolver = await openResolver(await remoteOptionsOf(flags, args.ref));
    const { name, target } = await resolver.resolve(args.ref, signal);
    const found = await resolver.referrers(name, target.digest, { artifactType: flags.artifactType, signal });
    if (flags.quiet) return printNames(found.map(({ digest }) => digest));
    printListing(
      {
        style: tableStyles.narrow,
        header: ["DIGEST", "ARTIFACT TYPE", "SIZE"],
        rows: found.map((entry) => [entry.digest, typeOf(entry), formatBinarySize(entry.size)]),
        records: found.map(record),
      },
      flags.output,
    );
  },
});

/** A stranger's word, without power over terminals. */
function typeOf({ artifactType = "-" }: Descriptor): string {
  return /^[\x21-\x7e]+$/.test(artifactType) ? artifactType : quote(artifactType);
}

function record({ digest, mediaType, artifactType, size, annotations }: Descriptor): object {
  return {
    digest,
    mediaType,
    artifactType: artifactType ?? null,
    sizeBytes: size,
    annotations: annotations ?? {},
  };
}
