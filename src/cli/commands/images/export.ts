import { isatty } from "node:tty";
import { exportImages } from "../../../client/images/export.ts";
import { defineCommand, required, variadic } from "../../command.ts";
import { alwaysLocal } from "../../flags/always.ts";
import { booleanFlag, listFlag } from "../../flags/flag.ts";
import { platformOf } from "../../flags/platform.ts";
import { writeOut } from "../../output.ts";
import { openProgress } from "../../progress/open-progress.ts";
import { MissingArgument, UsageError } from "../../usage-error.ts";

const MISSING = "please provide both an output filename and an image reference to export";

export default defineCommand({
  summary: "export images into an archive",
  description:
    "Writes a tar archive of an OCI layout, which docker, podman and skopeo load too, to a file or to standard output (-). Of an image for several platforms this host's is taken, or where that is not here, those that are. A file appears whole or not at all.",
  examples: [
    "images export busybox.tar docker.io/library/busybox:latest",
    "images export --platform linux/arm64 - busybox alpine | zstd >images.tar.zst",
  ],
  flags: {
    skipManifestJson: booleanFlag("leave out the manifest.json that docker load needs"),
    skipNonDistributable: booleanFlag("leave out layers that only their makers may distribute"),
    platform: listFlag("platform to take", { placeholder: "OS/ARCH", completion: "platforms" }),
    allPlatforms: booleanFlag("take every platform"),
    quiet: booleanFlag("show no progress", { alias: "q" }),
    local: alwaysLocal,
  },
  args: {
    out: required(MISSING, { completion: "files" }),
    images: variadic({ completion: "images" }),
  },
  async run({ flags, args }, { openClient, globals, signal }) {
    if (args.out === "" || args.images.length === 0) throw new MissingArgument(MISSING);
    const isStdout = args.out === "-";
    if (isStdout && isatty(1)) throw new UsageError("not writing an archive to a terminal: name a file");
    const named = flags.platform.map(platformOf);
    const client = await openClient();
    using progress = await openProgress({ quiet: flags.quiet || globals.debug });
    await exportImages(client, args.images, {
      output: isStdout ? writeOut : args.out,
      // As the real ctr: with --all-platforms it does not matter which are named.
      platforms: flags.allPlatforms ? "all" : named.length > 0 ? named : "present",
      skipManifestJson: flags.skipManifestJson,
      skipNonDistributable: flags.skipNonDistributable,
      onProgress: progress.onProgress,
      signal,
    });
  },
});
