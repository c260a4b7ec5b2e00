import { collectGarbage, collectInBackground } from "../../../client/collect.ts";
import { defineCommand, variadic } from "../../command.ts";
import { booleanFlag } from "../../flags/flag.ts";
import { writeOut } from "../../output.ts";
import { HelpWanted } from "../../usage-error.ts";

export default defineCommand({
  summary: "delete one or more leases",
  description: "Stops at the first that does not exist.",
  flags: { sync: booleanFlag("wait until everything that nothing else needs is gone") },
  args: { ids: variadic({ completion: "leases" }) },
  async run({ flags, args }, context) {
    if (args.ids.length === 0) throw new HelpWanted();
    const client = await context.openClient();
    const leases = await client.leases();
    for (const id of args.ids) {
      leases.delete(id);
      writeOut(`${id}\n`);
    }
    if (flags.sync) await collectGarbage(client, context.signal);
    else collectInBackground(client);
  },
});
