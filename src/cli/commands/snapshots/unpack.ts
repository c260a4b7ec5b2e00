import { openImage } from "../../../client/images.ts";
import { ensureUnpacked } from "../../../client/unpack.ts";
import { parseDigest } from "../../../core/digest.ts";
import { CtrError } from "../../../core/errors.ts";
import { defineCommand, required } from "../../command.ts";
import { alwaysSynced } from "../../flags/always.ts";
import { snapshotterFlags } from "../../flags/snapshotter.ts";
import { writeOut } from "../../output.ts";

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
    writeOut(`unpacking ${digest} (${image.target.mediaType})...`);
    try {
      const { snapshotter } = flags;
      await ensureUnpacked(client, await openImage(client, image), { snapshotter, signal: context.signal });
    } catch (error) {
      writeOut("\n");
      throw error;
    }
    writeOut("done\n");
  },
});
