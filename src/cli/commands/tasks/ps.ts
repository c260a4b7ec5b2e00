import { defineCommand, required } from "../../command.ts";
import { requireTask } from "../../find-task.ts";
import { outputFlag } from "../../flags/output.ts";
import { printListing } from "../../print/listing.ts";
import { tableStyles } from "../../print/table.ts";

export default defineCommand({
  summary: "list the processes of a task",
  flags: { output: outputFlag },
  args: { container: required("container id must be provided", { completion: "tasks" }) },
  async run({ flags, args }, context) {
    const task = await requireTask(await context.openClient(), args.container);
    const processes = await task.processes();
    printListing(
      {
        style: tableStyles.spaced,
        header: ["PID", "INFO"],
        rows: processes.map(({ pid, execId }) => [
          String(pid),
          execId ? `&ProcessDetails{ExecID:${execId},XXX_unrecognized:[],}` : "-",
        ]),
        records: processes.map(({ pid, execId }) => ({ pid, execId: execId ?? null })),
      },
      flags.output,
    );
  },
});
