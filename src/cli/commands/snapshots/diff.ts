import { diffSnapshots } from "../../../client/snapshots/diff-snapshots.ts";
import { parseLabels } from "../../../core/labels.ts";
import { mediaTypes } from "../../../core/media-type.ts";
import { defineCommand, optional, required } from "../../command.ts";
import { booleanFlag, listFlag, stringFlag } from "../../flags/flag.ts";
import { snapshotterFlags } from "../../flags/snapshotter.ts";
import { writeOut } from "../../output.ts";

export default defineCommand({
  summary: "print the layer between two snapshots",
  description:
    "What B changes of A, or A of its parent, as an image's layer. The same trees make the same bytes; SOURCE_DATE_EPOCH limits the times in them.",
  examples: [
    "snapshots diff web >layer.tar.gz",
    "snapshots diff --media-type application/vnd.oci.image.layer.v1.tar before after | tar -t",
  ],
  flags: {
    ...snapshotterFlags,
    mediaType: stringFlag("an OCI layer's, as plain tar, +gzip or +zstd", {
      default: mediaTypes.ociLayerGzip,
      placeholder: "TYPE",
    }),
    ref: stringFlag("name of the transfer into the content store", { placeholder: "NAME" }),
    keep: booleanFlag("keep the layer in the content store until it is deleted"),
    label: listFlag("label of the layer in the content store", { placeholder: "KEY=VALUE" }),
  },
  args: {
    a: required("snapshot id must be provided", { completion: "snapshots" }),
    b: optional({ completion: "snapshots" }),
  },
  async run({ flags, args }, context) {
    const client = await context.openClient();
    const { snapshotter, mediaType, keep } = flags;
    const options = {
      snapshotter,
      mediaType: mediaType || undefined,
      ref: flags.ref || undefined,
      keep,
      labels: parseLabels(flags.label),
      signal: context.signal,
    };
    await diffSnapshots(client, args.a, args.b || undefined, options, async ({ digest }) => {
      await using reader = await (await client.content()).reader(digest);
      for await (const chunk of reader.stream()) {
        context.signal.throwIfAborted();
        writeOut(chunk);
      }
    });
  },
});
