import { collectInBackground } from "../../../client/collect.ts";
import { convert } from "../../../client/images/convert.ts";
import { wantedPlatforms } from "../../../client/images/pull.ts";
import type { Compression } from "../../../core/media-type.ts";
import { defineCommand, required } from "../../command.ts";
import { erofsWrapping, mkfsWords } from "../../flags/erofs.ts";
import { booleanFlag, listFlag, stringFlag } from "../../flags/flag.ts";
import { platformOf } from "../../flags/platform.ts";
import { writeOut } from "../../output.ts";
import { withProgress } from "../../progress/open-progress.ts";
import { UsageError } from "../../usage-error.ts";

const MISSING = "src and target image need to be specified";

export default defineCommand({
  summary: "make an image in another format of one",
  description:
    "Prints the digest of the new image. Of an image for several platforms only this host's is kept unless others are named. The same image gives the same digests every time.",
  examples: [
    "images convert --oci docker.io/library/busybox:latest busybox:oci",
    "images convert --zstd --all-platforms docker.io/library/busybox:latest localhost:5000/busybox:zstd",
  ],
  flags: {
    uncompress: booleanFlag("store layers uncompressed"),
    zstd: booleanFlag("compress layers by zstd; makes the image an OCI one, as Docker's format has no zstd"),
    erofs: stringFlag("store layers as EROFS filesystem images, which containerd mounts: raw or zstd", {
      placeholder: "FORMAT",
    }),
    erofsCompressors: stringFlag("compressors within these, as mkfs.erofs takes them by -z", {
      placeholder: "LIST",
    }),
    erofsMkfsOptions: stringFlag("more options of mkfs.erofs", { placeholder: "OPTIONS" }),
    oci: booleanFlag("turn Docker's media types into OCI's"),
    platform: listFlag("platform to keep", { placeholder: "OS/ARCH", completion: "platforms" }),
    allPlatforms: booleanFlag("keep every platform"),
    quiet: booleanFlag("show no progress", { alias: "q" }),
  },
  args: {
    source: required(MISSING, { completion: "images" }),
    target: required(MISSING, { completion: "images" }),
  },
  async run({ flags, args }, { openClient, globals, signal }) {
    if (flags.uncompress && flags.zstd) {
      throw new UsageError("--uncompress and --zstd cannot be used together");
    }
    if (flags.erofs && (flags.uncompress || flags.zstd)) {
      throw new UsageError("--erofs cannot be used together with --uncompress or --zstd");
    }
    if (!flags.erofs && (flags.erofsCompressors || flags.erofsMkfsOptions)) {
      throw new UsageError("--erofs-compressors and --erofs-mkfs-options need --erofs");
    }
    const erofs = flags.erofs
      ? {
          wrapping: erofsWrapping(flags.erofs),
          compressors: flags.erofsCompressors,
          more: mkfsWords(flags.erofsMkfsOptions),
        }
      : undefined;
    const compression: Compression | undefined = flags.zstd ? "zstd" : flags.uncompress ? "none" : undefined;
    // As the real ctr: with --all-platforms it does not matter which are named.
    const named = flags.allPlatforms ? [] : flags.platform.map(platformOf);
    const client = await openClient();
    const request = {
      compression,
      erofs,
      toOci: flags.oci || flags.zstd,
      platforms: wantedPlatforms(named, flags.allPlatforms),
    };
    const { image, hasReplaced } = await withProgress({ quiet: flags.quiet || globals.debug }, (onProgress) =>
      convert(client, args.source, args.target, { ...request, onProgress, signal }),
    );
    writeOut(`${image.target.digest}\n`);
    if (hasReplaced) collectInBackground(client);
  },
});
