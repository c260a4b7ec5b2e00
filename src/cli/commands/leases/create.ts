import { parseLabels } from "../../../core/labels.ts";
import { defineCommand, variadic } from "../../command.ts";
import { durationFlag, stringFlag } from "../../flags/flag.ts";
import { writeOut } from "../../output.ts";

const DAY_MILLISECONDS = 24 * 60 * 60 * 1000;

export default defineCommand({
  summary: "create a lease",
  description: "What a lease holds is not collected while it lasts. Its id is printed.",
  examples: ["leases create --id build --expires 2h", "leases create purpose=debug"],
  flags: {
    id: stringFlag("id of the lease; made up when not given", { placeholder: "ID" }),
    expires: durationFlag("how long the lease lasts; 0 is for ever (default: 24h0m0s)", { alias: "x" }),
  },
  args: { labels: variadic() },
  async run({ flags, args }, context) {
    const client = await context.openClient();
    const lifetime = flags.expires ?? DAY_MILLISECONDS;
    const lease = (await client.leases()).create({
      id: flags.id || undefined,
      labels: parseLabels(args.labels, ""),
      expiresAt: lifetime === 0 ? undefined : new Date(Date.now() + lifetime),
    });
    writeOut(`${lease.id}\n`);
  },
});
