import { checkpointContainer } from "../../../client/checkpoints/checkpoint.ts";
import { defineCommand, required } from "../../command.ts";
import { booleanFlag } from "../../flags/flag.ts";

export default defineCommand({
  summary: "record a checkpoint of a container as an image",
  description:
    "The image can be pushed, pulled, exported and restored, also where the container was never seen. A running task stands still while its checkpoint is made, and goes on.\n\nA task is written down by criu, which must be installed.",
  examples: ["containers checkpoint --image --rw --task web localhost:5000/checkpoints/web:1"],
  flags: {
    rw: booleanFlag("include what the container has changed of its files"),
    image: booleanFlag("include the image it was made from"),
    task: booleanFlag("include its processes with their memory"),
  },
  args: {
    container: required("container id must be provided", { completion: "containers" }),
    ref: required("ref must be provided", { completion: "images" }),
  },
  async run({ flags, args }, context) {
    await checkpointContainer(await context.openClient(), args.container, args.ref, flags);
  },
});
