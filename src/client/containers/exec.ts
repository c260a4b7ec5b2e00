import { CtrError } from "../../core/errors.ts";
import type { Spec, SpecProcess } from "../../core/runtime-spec.ts";
import type { Task } from "../../core/task.ts";
import { checkCwd } from "../../oci/process.ts";
import { resolveUser } from "../../oci/user.ts";
import type { Client } from "../open.ts";

export interface ExecOptions {
  args: readonly string[];
  cwd?: string;
  tty?: boolean;
  /** `user[:group]`, looked up in the container's own files. */
  user?: string;
}

/** The process that an exec starts: the container's own, changed by what is asked for. Throws NotFound. */
export async function execProcess(client: Client, task: Task, options: ExecOptions): Promise<SpecProcess> {
  const { process } = (await client.containers()).get(task.id).spec as Spec;
  if (!process)
    throw new CtrError(
      "FailedPrecondition",
      `container ${JSON.stringify(task.id)} has no process in its spec`,
    );
  const { args, cwd = "", tty = false, user } = options;
  checkCwd(cwd);
  const env = process.env ?? [];
  return {
    ...process,
    args: [...args],
    terminal: tty,
    cwd: cwd || process.cwd,
    env: tty && !env.some((entry) => entry.startsWith("TERM=")) ? [...env, "TERM=xterm"] : env,
    user: user ? resolveUser(`/proc/${await task.pid()}/root`, user) : process.user,
  };
}
