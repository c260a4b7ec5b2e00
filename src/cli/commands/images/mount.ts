import { mountImage } from "../../../client/images/mount-image.ts";
import { parseLabels } from "../../../core/labels.ts";
import { hostPlatform } from "../../../core/platform.ts";
import { defineCommand, optional, required } from "../../command.ts";
import { alwaysSynced } from "../../flags/always.ts";
import { booleanFlag, durationFlag, listFlag, stringFlag } from "../../flags/flag.ts";
import { noRegistryFlags } from "../../flags/no-registry.ts";
import { platformOf } from "../../flags/platform.ts";
import { snapshotterFlags } from "../../flags/snapshotter.ts";
import { writeOut } from "../../output.ts";
import { withProgress } from "../../progress/open-progress.ts";

const DAY_MILLISECONDS = 24 * 60 * 60 * 1000;

export default defineCommand({
  summary: "mount an image's root filesystem at a directory",
  description:
    "Prints the chain ID of the image and the directory; without TARGET, one is made and removed again by images unmount --rm. A lease named like the directory keeps the mounted snapshot from being collected.",
  examples: ["images mount busybox /mnt", "images mount --rw docker.io/library/busybox:latest"],
  flags: {
    rw: booleanFlag("mount a copy that can be written to; the image stays as it is"),
    platform: stringFlag("platform of the image; the host's when not given", {
      placeholder: "OS/ARCH",
      completion: "platforms",
    }),
    expiration: durationFlag("how long the lease lasts; 0 is for ever (default: 24h0m0s)", { alias: "x" }),
    label: listFlag("label of the mounted snapshot", { placeholder: "KEY=VALUE" }),
    ...snapshotterFlags,
    syncFs: alwaysSynced,
    ...noRegistryFlags,
  },
  args: {
    ref: required("please provide an image reference to mount", { completion: "images" }),
    target: optional({ completion: "directories" }),
  },
  async run({ flags, args }, { openClient, globals, signal }) {
    const platform = flags.platform ? platformOf(flags.platform) : hostPlatform();
    const client = await openClient();
    const request = {
      target: args.target || undefined,
      platform,
      isWritable: flags.rw,
      labels: parseLabels(flags.label),
      lifetimeMs: flags.expiration ?? DAY_MILLISECONDS,
      snapshotter: flags.snapshotter,
    };
    const { chainId, target } = await withProgress({ quiet: globals.debug }, (onProgress) =>
      mountImage(client, args.ref, { ...request, onProgress, signal }),
    );
    writeOut(`${chainId}\n${target}\n`);
  },
});
