import { type ImageNode, inspectImage } from "../../../client/images/inspect-image.ts";
import { defineCommand, required } from "../../command.ts";
import { booleanFlag } from "../../flags/flag.ts";
import { outputFlag } from "../../flags/output.ts";
import { writeOut } from "../../output.ts";
import { formatImageTree } from "../../print/image-tree.ts";
import { formatJson } from "../../print/json.ts";

export default defineCommand({
  summary: "show what an image consists of",
  description:
    "A tree of its index, manifests, configs and layers; --content adds the labels of each and the text of documents.",
  examples: ["images inspect busybox", "images inspect --content docker.io/library/busybox:latest"],
  flags: { content: booleanFlag("show labels and content as well"), output: outputFlag },
  args: { ref: required("please provide an image name to inspect", { completion: "images" }) },
  async run({ flags, args }, context) {
    const client = await context.openClient();
    const { image, root } = await inspectImage(client, args.ref, { withText: flags.content });
    if (flags.output === "table") return writeOut(formatImageTree(image, root, flags.content));
    const { name, labels, createdAt, updatedAt } = image;
    writeOut(formatJson({ name, labels, createdAt, updatedAt, target: recordOf(root) }));
  },
});

function recordOf({ descriptor, labels, text, children }: ImageNode): object {
  return {
    ...descriptor,
    isPresent: labels !== undefined,
    labels: labels ?? {},
    ...(text === undefined ? {} : { content: JSON.parse(text) }),
    ...(children.length > 0 && { children: children.map(recordOf) }),
  };
}
