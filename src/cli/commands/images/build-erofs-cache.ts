import { resolve } from "node:path";
import { buildErofsCache } from "../../../client/images/erofs-cache.ts";
import { defineCommand, required } from "../../command.ts";
import { mkfsWords } from "../../flags/erofs.ts";
import { booleanFlag, stringFlag } from "../../flags/flag.ts";
import { platformOf } from "../../flags/platform.ts";
import { writeOut } from "../../output.ts";
import { withProgress } from "../../progress/open-progress.ts";

const MISSING = "image ref and cache dir must be specified";

export default defineCommand({
  summary: "make EROFS filesystem images of an image's layers for containerd's erofs snapshotter",
  description:
    "Writes DIR/ALGORITHM/XX/HEX.erofs for each layer, named by its diff ID, as the snapshotter's layer_content_caches are laid out, and prints DIR. Layers are read from the content store; no image is made. Needs mkfs.erofs of erofs-utils 1.7 or newer.",
  examples: ["images build-erofs-cache docker.io/library/busybox:latest /srv/erofs"],
  flags: {
    compressors: stringFlag("compressors, as mkfs.erofs takes them by -z", { placeholder: "LIST" }),
    mkfsOptions: stringFlag("more options of mkfs.erofs", { placeholder: "OPTIONS" }),
    platform: stringFlag("platform of the image; the host's when not given", {
      placeholder: "OS/ARCH",
      completion: "platforms",
    }),
    dmverity: booleanFlag("append a dm-verity hash tree to each, with its root in a file beside"),
  },
  args: {
    ref: required(MISSING, { completion: "images" }),
    dir: required(MISSING, { completion: "directories" }),
  },
  async run({ flags, args }, { openClient, globals, signal }) {
    const platform = flags.platform ? platformOf(flags.platform) : undefined;
    const client = await openClient();
    await withProgress({ quiet: globals.debug }, (onProgress) =>
      buildErofsCache(client, args.ref, resolve(args.dir), {
        platform,
        compressors: flags.compressors,
        more: mkfsWords(flags.mkfsOptions),
        withVerity: flags.dmverity,
        onProgress,
        signal,
      }),
    );
    writeOut(`${args.dir}\n`);
  },
});
