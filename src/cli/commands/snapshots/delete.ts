import { withSubject } from "../../../core/errors.ts";
import { defineCommand, variadic } from "../../command.ts";
import { snapshotterFlags } from "../../flags/snapshotter.ts";

export default defineCommand({
  summary: "delete one or more snapshots",
  description:
    "Stops at the first that cannot be deleted. Those beneath that nothing else needs stay until the next collection, so that they can be deleted one after the other.",
  flags: snapshotterFlags,
  args: { keys: variadic({ completion: "snapshots" }) },
  async run({ flags, args }, context) {
    const client = await context.openClient();
    const snapshotter = await client.snapshotter(flags.snapshotter);
    for (const key of args.keys) {
      try {
        await snapshotter.remove(key);
      } catch (error) {
        throw withSubject(`failed to remove ${JSON.stringify(key)}`, error);
      }
    }
  },
});
