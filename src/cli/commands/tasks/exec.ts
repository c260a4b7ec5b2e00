import { generateId } from "../../../client/containers/create-container.ts";
import { execProcess } from "../../../client/containers/exec.ts";
import { withHint } from "../../../core/errors.ts";
import type { ProcessIo, Task } from "../../../core/task.ts";
import { defineCommand, required, variadic } from "../../command.ts";
import { requireTask } from "../../find-task.ts";
import { booleanFlag, type FlagValues, stringFlag } from "../../flags/flag.ts";
import { writeOut } from "../../output.ts";
import { UsageError } from "../../usage-error.ts";

const execFlags = {
  cwd: stringFlag("working directory of the process", { placeholder: "DIR" }),
  tty: booleanFlag("give the process a terminal", { alias: "t" }),
  detach: booleanFlag("start it and return", { alias: "d" }),
  execId: stringFlag("name of the process; made up when not given", { placeholder: "ID" }),
  fifoDir: stringFlag("where FIFOs for its streams are made", {
    placeholder: "DIR",
    completion: "directories",
  }),
  logUri: stringFlag("send output to file:///PATH, or through the program binary:///PATH", {
    placeholder: "URI",
  }),
  user: stringFlag("user and group, names or numbers", { placeholder: "USER[:GROUP]" }),
};

export default defineCommand({
  summary: "run a process in a running container",
  description: "Flags go before the command. The exit code is the process' own.",
  examples: ["tasks exec -t web sh", "tasks exec --exec-id check web wget -qO- localhost"],
  flags: execFlags,
  args: { container: required("container id must be provided", { completion: "tasks" }), args: variadic() },
  commandAfter: 1,
  async run({ flags, args }, context) {
    const io = execIoOf(flags);
    const execId = flags.execId || generateId();
    const client = await context.openClient();
    const task = await requireTask(client, args.container);
    const { cwd, tty, user } = flags;
    const process = await execProcess(client, task, { args: args.args, cwd, tty, user });
    const started = await task.exec({ execId, process, io }).catch((error) => {
      throw args.args.length > 0 ? error : withHint(error, "give a command after the container's id");
    });
    if (typeof started !== "number") return (await started.ended).status;
    if (!flags.detach) return waitForExec(task, execId);
    if (!flags.execId) writeOut(`${execId}\n`);
    return 0;
  },
});

function execIoOf({ tty, logUri, fifoDir, detach }: FlagValues<typeof execFlags>): ProcessIo {
  if (logUri && tty) throw new UsageError("can't use log-uri with tty");
  if (logUri && fifoDir) throw new UsageError("can't use log-uri with fifo-dir");
  if (logUri) return { kind: "uri", uri: logUri };
  return detach ? { kind: "log", fifoDir } : { kind: "attached", fifoDir };
}

async function waitForExec(task: Task, execId: string): Promise<number> {
  await task.wait(execId);
  return (await task.deleteExec(execId)).status;
}
