import { openImage } from "../../../client/images/images.ts";
import { ensureUnpacked } from "../../../client/images/unpack.ts";
import { parseDigest } from "../../../core/digest.ts";
import { CtrError } from "../../../core/errors.ts";
import { defineCommand, required } from "../../command.ts";
import { alwaysSynced } from "../../flags/always.ts";
import { snapshotterFlags } from "../../flags/snapshotter.ts";
import { writeOut } from "../../output.ts";
import { openProgress } from "../../progress/open-progress.ts";

export default defineCommand({
  summary: "unpack an image into snapshots",
  description: "DIGEST is that of an image as `images list` shows it. Layers that are unpacked already stay.",
  examples: ["snapshots unpack --snapshotter native sha256:…"],
  flags: { ...snapshotterFlags, syncFs: alwaysSynced },
  args: { digest: required("invalid checksum digest format", { completion: "digests" }) },
  async run({ flags, args }, context) {
    const digest = parseDigest(args.digest);
    const client = await context.openClient();
    const image = (await client.images()).list().find(({ target }) => target.digest === digest);
    if (image === undefined) throw new CtrError("NotFound", "manifest not found");
    const line = `unpacking ${digest} (${image.target.mediaType})...`;
    const {
      isLive,
      onProgress,
      [Symbol.dispose]: close,
    } = await openProgress({
      quiet: context.globals.debug,
    });
    let end = "\n";
    if (!isLive) writeOut(line);
    try {
      const { snapshotter } = flags;
      const { signal } = context;
      await ensureUnpacked(client, await openImage(client, image), { snapshotter, onProgress, signal });
      end = "done\n";
    } finally {
      close();
      writeOut(isLive ? `${line}${end}` : end);
    }
  },
});
