import { type ImportedImage, importImages } from "../../../client/images/import.ts";
import { withSubject } from "../../../core/errors.ts";
import { parseLabels } from "../../../core/labels.ts";
import { forEachName } from "../../batch.ts";
import { defineCommand, required, variadic } from "../../command.ts";
import type { Context } from "../../context.ts";
import { alwaysLocal, alwaysSynced } from "../../flags/always.ts";
import { booleanFlag, type FlagValues, listFlag, stringFlag } from "../../flags/flag.ts";
import { platformOf } from "../../flags/platform.ts";
import { snapshotterFlags } from "../../flags/snapshotter.ts";
import { openArchive } from "../../open-archive.ts";
import { warn, writeOut } from "../../output.ts";
import { openProgress } from "../../progress/open-progress.ts";
import { UsageError } from "../../usage-error.ts";

const importFlags = {
  baseName: stringFlag(
    "goes before tags and digests of images without a full name; full names must be below it",
    {
      placeholder: "NAME",
    },
  ),
  digests: booleanFlag("also name every image BASE@DIGEST"),
  skipDigestForNamed: booleanFlag("with --digests: only images without a name"),
  indexName: stringFlag("also keep the archive's index, as an image of this name", { placeholder: "NAME" }),
  allPlatforms: booleanFlag("keep every platform, unpack this host's"),
  platform: stringFlag("platform to keep and unpack", { placeholder: "OS/ARCH", completion: "platforms" }),
  noUnpack: booleanFlag("leave layers packed until they are needed"),
  local: alwaysLocal,
  compressBlobs: booleanFlag("compress the uncompressed layers of a docker save archive"),
  discardUnpackedLayers: booleanFlag("give layers back once they are unpacked"),
  syncFs: alwaysSynced,
  ...snapshotterFlags,
  label: listFlag("label to add to the images", { placeholder: "KEY=VALUE" }),
  quiet: booleanFlag("print nothing", { alias: "q" }),
};

export default defineCommand({
  summary: "import images from archives",
  description:
    "Reads a tar archive of an OCI layout, or one made by docker save, from a file or from standard input (-); plain, or compressed by gzip or zstd; of several one after the other. Images are unpacked, so that they are ready to run. One without a name is named BASE@DIGEST.",
  examples: [
    "images import busybox.tar",
    "images import images/*.tar",
    "images import --platform linux/arm64 --no-unpack - <images.tar.gz",
  ],
  flags: importFlags,
  args: {
    in: required("open : no such file or directory", { completion: "files" }),
    more: variadic({ completion: "files" }),
  },
  async run({ flags, args }, context) {
    if (flags.skipDigestForNamed && !flags.digests) {
      throw new UsageError("--skip-digest-for-named must be specified with --digests option");
    }
    if (flags.discardUnpackedLayers && flags.noUnpack) {
      throw new UsageError("--discard-unpacked-layers and --no-unpack cannot be used together");
    }
    if (args.more.length === 0) return importArchive(args.in, flags, context);
    if (flags.indexName) throw new UsageError("--index-name names the index of one archive only");
    await forEachName([args.in, ...args.more], async (path) => {
      try {
        await importArchive(path, flags, context);
      } catch (error) {
        throw withSubject(path, error);
      }
    });
  },
});

async function importArchive(
  path: string,
  flags: FlagValues<typeof importFlags>,
  { openClient, globals, signal }: Context,
): Promise<void> {
  const platform = flags.platform ? platformOf(flags.platform) : undefined;
  const { baseName, digests, skipDigestForNamed, noUnpack } = flags;
  await using archive = openArchive(path, signal);
  const client = await openClient();
  const lines: string[] = [];
  const progress = await openProgress({ quiet: flags.quiet || globals.debug });
  const say = (text: string) => {
    if (progress.isLive) lines.push(text);
    else if (!flags.quiet) writeOut(text);
  };
  let imported: ImportedImage[] = [];
  try {
    imported = await importImages(client, archive.stream, {
      ...flags,
      naming: { base: baseName || defaultBase(), isFilter: !!baseName, digests, skipDigestForNamed },
      platform,
      unpack: !noUnpack,
      labels: parseLabels(flags.label),
      archive,
      onProgress: progress.onProgress,
      onUnpacking: ({ name, target }) => say(`unpacking ${name} (${target.digest})...`),
      onUnpacked: () => say("done\n"),
      signal,
    });
  } finally {
    progress[Symbol.dispose]();
    writeOut(lines.join(""));
  }
  for (const image of imported) remark(image, noUnpack);
}

/** As the real ctr: the day's, in this host's time zone. */
function defaultBase(): string {
  const now = new Date();
  const two = (number: number) => String(number).padStart(2, "0");
  return `import-${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`;
}

/** What a user would otherwise wonder about. */
function remark({ name, skipped, foreignPlatform }: ImportedImage, noUnpack: boolean): void {
  const missing = [...new Set(skipped)].join(", ");
  if (missing) warn(`image ${JSON.stringify(name)}: the archive has nothing for ${missing}`);
  if (foreignPlatform && !noUnpack) {
    warn(`image ${JSON.stringify(name)} is for ${foreignPlatform}: not unpacked`);
  }
}
