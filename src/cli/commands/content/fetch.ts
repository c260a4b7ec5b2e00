import { pull, wantedPlatforms } from "../../../client/images/pull.ts";
import { openResolver } from "../../../client/images/resolver.ts";
import { parseLabels } from "../../../core/labels.ts";
import { defineCommand, required } from "../../command.ts";
import { booleanFlag, listFlag } from "../../flags/flag.ts";
import { platformOf } from "../../flags/platform.ts";
import { registryFlags, remoteOptionsOf } from "../../flags/registry.ts";
import { openRows } from "../../progress/open-rows.ts";

export default defineCommand({
  summary: "fetch everything an image is made of, without unpacking it",
  description: "The image is recorded by its name, as after a pull.",
  examples: ["content fetch --all-platforms docker.io/library/busybox:latest"],
  flags: {
    ...registryFlags,
    label: listFlag("label of the image, in place of those it had", { placeholder: "KEY=VALUE" }),
    platform: listFlag("platform to fetch", { placeholder: "OS/ARCH", completion: "platforms" }),
    allPlatforms: booleanFlag("fetch every platform"),
    allMetadata: booleanFlag("also fetch manifests and configs of the other platforms"),
    skipMetadata: booleanFlag("only fetch what belongs to the chosen platforms, as is the default"),
    metadataOnly: booleanFlag("fetch manifests and configs of every platform, and no layers"),
    quiet: booleanFlag("print nothing", { alias: "q" }),
  },
  args: { ref: required("please provide an image reference to fetch", { completion: "images" }) },
  async run({ flags, args }, context) {
    const platforms = wantedPlatforms(flags.platform.map(platformOf), flags.allPlatforms);
    const remote = await remoteOptionsOf(flags, args.ref);
    const client = await context.openClient();
    using progress = await openRows({ quiet: flags.quiet });
    await pull(client, args.ref, {
      resolver: await openResolver(remote),
      platforms,
      allMetadata: flags.metadataOnly || (flags.allMetadata && !flags.skipMetadata),
      withoutLayers: flags.metadataOnly,
      withoutUnpacking: true,
      labels: parseLabels(flags.label),
      onProgress: progress.onProgress,
      signal: context.signal,
    });
  },
});
