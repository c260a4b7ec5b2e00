import { collectInBackground, isKept } from "../../../client/collect.ts";
import { withSubject } from "../../../core/errors.ts";
import { defineCommand, variadic } from "../../command.ts";
import { snapshotterFlags } from "../../flags/snapshotter.ts";

export default defineCommand({
  summary: "delete one or more snapshots",
  description: "Stops at the first that cannot be deleted.",
  flags: snapshotterFlags,
  args: { keys: variadic({ completion: "snapshots" }) },
  async run({ flags, args }, context) {
    const client = await context.openClient();
    const snapshotter = await client.snapshotter(flags.snapshotter);
    const parents = new Set<string>();
    for (const key of args.keys) {
      try {
        const { parent } = await snapshotter.stat(key);
        await snapshotter.remove(key);
        if (parent) parents.add(parent);
      } catch (error) {
        throw withSubject(`failed to remove ${JSON.stringify(key)}`, error);
      }
    }
    for (const name of parents) {
      if (await isKept(client, { kind: "snapshot", name, snapshotter: snapshotter.name })) continue;
      return collectInBackground(client);
    }
  },
});
