import { deleteContainer } from "../../../client/containers/delete-container.ts";
import { forEachName } from "../../batch.ts";
import { defineCommand, variadic } from "../../command.ts";
import { booleanFlag } from "../../flags/flag.ts";
import { MissingArgument } from "../../usage-error.ts";

export default defineCommand({
  summary: "delete one or more containers that do not run",
  flags: {
    keepSnapshot: booleanFlag("do not delete the container's snapshot; it may still be collected"),
  },
  args: { containers: variadic({ completion: "containers" }) },
  async run({ flags, args }, context) {
    if (args.containers.length === 0) {
      throw new MissingArgument("must specify at least one container to delete: invalid argument");
    }
    const client = await context.openClient();
    await forEachName(args.containers, (id) => deleteContainer(client, id, flags));
  },
});
