import { push } from "../../../client/images/push.ts";
import { openResolver } from "../../../client/images/resolver.ts";
import type { Descriptor } from "../../../core/descriptor.ts";
import { parseDigest } from "../../../core/digest.ts";
import { withSubject } from "../../../core/errors.ts";
import { mediaTypes } from "../../../core/media-type.ts";
import { defineCommand, optional, required } from "../../command.ts";
import type { Context } from "../../context.ts";
import { alwaysLocal } from "../../flags/always.ts";
import { booleanFlag, integerFlag, listFlag, stringFlag } from "../../flags/flag.ts";
import { platformOf } from "../../flags/platform.ts";
import { registryFlags, remoteOptionsOf } from "../../flags/registry.ts";
import { warn } from "../../output.ts";
import { openRows } from "../../progress/open-rows.ts";

export default defineCommand({
  summary: "push an image to a registry",
  description:
    "Sends what the registry lacks: blobs that it has in another repository are mounted from there. REMOTE is the name in the registry, LOCAL the image's name here where it is another. Of an image for several platforms all that are here are pushed, or those of --platform: one alone without its index.",
  examples: [
    "images push localhost:5000/tools:1",
    "images push --platform linux/arm64 registry.example.com/app:1.0 docker.io/library/app:latest",
  ],
  flags: {
    ...registryFlags,
    manifest: stringFlag("digest of a manifest to push in place of an image", { placeholder: "DIGEST" }),
    manifestType: stringFlag("media type of --manifest", {
      default: mediaTypes.ociManifest,
      placeholder: "TYPE",
    }),
    platform: listFlag("platform to push", { placeholder: "OS/ARCH", completion: "platforms" }),
    maxConcurrentUploadedLayers: integerFlag("blobs to send side by side; 0 leaves it to ctr", {
      default: 0,
    }),
    local: alwaysLocal,
    allowNonDistributableBlobs: booleanFlag("also push layers that registries need not hold"),
    quiet: booleanFlag("print nothing", { alias: "q" }),
  },
  args: {
    remote: required("please provide a remote image reference to push", { completion: "images" }),
    local: optional({ completion: "images" }),
  },
  async run({ flags, args }, context) {
    const platforms = flags.platform.map(platformOf);
    const remote = await remoteOptionsOf(flags, args.remote);
    const client = await context.openClient();
    const source = flags.manifest
      ? await describeManifest(flags.manifest, flags.manifestType, context)
      : args.local;
    using progress = await openRows({ quiet: flags.quiet });
    const { absent } = await push(client, args.remote, {
      resolver: await openResolver(remote),
      source,
      platforms: platforms.length > 0 ? platforms : undefined,
      maxConcurrentUploads: flags.maxConcurrentUploadedLayers,
      withForeignLayers: flags.allowNonDistributableBlobs,
      onProgress: progress.onProgress,
      signal: context.signal,
    });
    if (absent.length > 0) warn(`left out, as their content is not here: ${absent.join(", ")}`);
  },
});

async function describeManifest(text: string, mediaType: string, context: Context): Promise<Descriptor> {
  const client = await context.openClient();
  try {
    const digest = parseDigest(text);
    const { size } = await (await client.content()).info(digest);
    return { mediaType, digest, size };
  } catch (error) {
    throw withSubject("invalid manifest digest", error);
  }
}
