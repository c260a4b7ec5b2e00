import type { Container, TypedValue } from "../../../core/records.ts";
import { defineCommand, required } from "../../command.ts";
import { booleanFlag } from "../../flags/flag.ts";
import { writeOut } from "../../output.ts";
import { formatJson } from "../../print/json.ts";
import { sortLabels } from "../../print/labels.ts";
import { formatTime } from "../../print/times.ts";

export default defineCommand({
  summary: "describe a container as JSON",
  flags: { spec: booleanFlag("print its runtime spec alone") },
  args: {
    container: required("container id must be provided: invalid argument", { completion: "containers" }),
  },
  async run({ flags, args }, context) {
    const client = await context.openClient();
    const container = (await client.containers()).get(args.container);
    writeOut(formatJson(flags.spec ? container.spec : describe(container)));
  },
});

/** In ctr's order and with its names. */
function describe(container: Container): object {
  const { id, labels, image, runtime, snapshotKey, snapshotter, createdAt, updatedAt, extensions } =
    container;
  const extensionNames = Object.keys(extensions);
  return {
    ID: id,
    Labels: Object.keys(labels).length > 0 ? sortLabels(labels) : null,
    Image: image,
    Runtime: { Name: runtime.name, Options: runtime.options ? describeValue(runtime.options) : null },
    SnapshotKey: snapshotKey,
    Snapshotter: snapshotter,
    CreatedAt: formatTime(createdAt),
    UpdatedAt: formatTime(updatedAt),
    Extensions:
      extensionNames.length > 0
        ? Object.fromEntries(extensionNames.map((name) => [name, describeValue(extensions[name]!)]))
        : null,
    Spec: container.spec,
  };
}

const describeValue = ({ typeUrl, value }: TypedValue): object => ({ type_url: typeUrl, value });
