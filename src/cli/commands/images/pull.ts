import { wantedPlatforms } from "../../../client/images/pull.ts";
import { parseLabels } from "../../../core/labels.ts";
import { defineCommand, required } from "../../command.ts";
import { alwaysLocal, alwaysSynced } from "../../flags/always.ts";
import { booleanFlag, integerFlag, listFlag } from "../../flags/flag.ts";
import { platformOf } from "../../flags/platform.ts";
import { registryFlags, remoteOptionsOf } from "../../flags/registry.ts";
import { snapshotterFlags } from "../../flags/snapshotter.ts";
import { writeOut } from "../../output.ts";
import { formatDuration } from "../../print/ages.ts";
import { pullShown } from "../../pull-image.ts";

export default defineCommand({
  summary: "pull an image from a registry",
  description:
    "Fetches, verifies and unpacks it, so that it is ready to run. What an earlier pull that was broken off has fetched is not fetched again. docker.io, its library/ and :latest may be left out.",
  examples: ["images pull busybox", "images pull --platform linux/arm64 docker.io/library/alpine:3"],
  flags: {
    ...registryFlags,
    ...snapshotterFlags,
    label: listFlag("label of the image, in place of those it had", { placeholder: "KEY=VALUE" }),
    platform: listFlag("platform to pull", { placeholder: "OS/ARCH", completion: "platforms" }),
    allPlatforms: booleanFlag("pull every platform"),
    allMetadata: booleanFlag("also fetch manifests and configs of the other platforms"),
    skipMetadata: booleanFlag("only fetch what belongs to the chosen platforms, as is the default"),
    printChainid: booleanFlag("print the chain ID of what is unpacked"),
    maxConcurrentDownloads: integerFlag("layers to fetch side by side; 0 leaves it to ctr", { default: 0 }),
    local: alwaysLocal,
    syncFs: alwaysSynced,
    quiet: booleanFlag("print nothing", { alias: "q" }),
  },
  args: { ref: required("please provide an image reference to pull", { completion: "images" }) },
  async run({ flags, args }, context) {
    const started = performance.now();
    const platforms = wantedPlatforms(flags.platform.map(platformOf), flags.allPlatforms);
    const remote = await remoteOptionsOf(flags, args.ref);
    const client = await context.openClient();
    const say = (line: string) => {
      if (!flags.quiet) writeOut(`${line}\n`);
    };
    const { unpacked } = await pullShown(
      client,
      args.ref,
      {
        remote,
        platforms,
        allMetadata: flags.allMetadata && !flags.skipMetadata,
        snapshotter: flags.snapshotter,
        labels: parseLabels(flags.label),
        maxConcurrentDownloads: flags.maxConcurrentDownloads,
        quiet: flags.quiet,
        onUnpacking: (platform, digest) => say(`unpacking ${platform} ${digest}...`),
      },
      context,
    );
    for (const { chainId } of unpacked) {
      if (flags.printChainid && chainId) writeOut(`image chain ID: ${chainId}\n`);
    }
    say(`done: ${formatDuration(performance.now() - started)}\t`);
  },
});
