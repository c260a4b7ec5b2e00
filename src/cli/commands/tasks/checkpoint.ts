import { checkpointTask } from "../../../client/checkpoints/checkpoint.ts";
import { defineCommand, required } from "../../command.ts";
import { requireTask } from "../../find-task.ts";
import { booleanFlag, stringFlag } from "../../flags/flag.ts";
import { writeOut } from "../../output.ts";

export default defineCommand({
  summary: "record a checkpoint of a task as an image",
  description:
    "Everything is included: processes with their memory, the image, and what the container has changed of its files. The name of the checkpoint's image is printed. The task stands still meanwhile, and goes on.\n\nNeeds criu.",
  examples: ["tasks checkpoint web", "tasks checkpoint --exit --image-path /tmp/web web"],
  flags: {
    exit: booleanFlag("end the task when its checkpoint is made"),
    imagePath: stringFlag("write criu's images into this directory, and make no image", {
      placeholder: "DIR",
      completion: "directories",
    }),
    workPath: stringFlag("keep criu's log in this directory", {
      placeholder: "DIR",
      completion: "directories",
    }),
  },
  args: { container: required("container id must be provided", { completion: "tasks" }) },
  async run({ flags, args }, context) {
    const client = await context.openClient();
    const task = await requireTask(client, args.container);
    const { exit, imagePath, workPath } = flags;
    const name = await checkpointTask(client, task, {
      exit,
      imagePath: imagePath || undefined,
      workPath: workPath || undefined,
    });
    if (name) writeOut(`${name}\n`);
  },
});
