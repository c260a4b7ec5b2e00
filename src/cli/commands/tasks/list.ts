import { networkAddresses } from "../../../client/containers/container-network.ts";
import type { Client } from "../../../client/open.ts";
import { ifPresent } from "../../../core/errors.ts";
import type { Task } from "../../../core/task.ts";
import { defineCommand } from "../../command.ts";
import { listingFlags } from "../../flags/listing.ts";
import { printListing, printNames } from "../../print/listing.ts";
import { tableStyles } from "../../print/table.ts";

export default defineCommand({
  summary: "list tasks",
  flags: listingFlags,
  args: {},
  async run({ flags }, context) {
    const client = await context.openClient();
    const tasks = await (await client.tasks()).list();
    if (flags.quiet) return printNames(tasks.map(({ id }) => id));
    // Some may be gone by now.
    const found = await Promise.all(tasks.map((task) => ifPresent(() => describe(task))));
    const described = found.filter((task) => task !== undefined);
    printListing(
      {
        style: tableStyles.wideHeader,
        header: ["TASK", "PID", "STATUS"],
        rows: described.map(({ id, pid, status }) => [id, String(pid), status.toUpperCase()]),
        records: flags.output === "json" ? await withAddresses(client, described) : [],
      },
      flags.output,
    );
  },
});

async function withAddresses<T extends { id: string }>(client: Client, tasks: T[]) {
  const addresses = await networkAddresses(client);
  return tasks.map((task) => ({ ...task, addresses: addresses(task.id) }));
}

async function describe(task: Task) {
  const [pid, status] = await Promise.all([task.pid(), task.status()]);
  return { id: task.id, pid, status };
}
