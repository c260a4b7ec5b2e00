import { readdirSync, readFileSync } from "node:fs";
import { CtrError } from "../core/errors.ts";
import { hasErrno } from "../sys/errno.ts";
import { readProcessStat, signalProcess } from "../sys/process.ts";

const SIGKILL = 9;
const GONE_TIMEOUT_MS = 10_000;
const LOOK_MS = 5;

/**
 * Ends every plugin at work on a container, and the plugins those have called: none may add anything after we have
 * begun to remove. They are known by their environment, which they all inherit.
 */
export async function endPlugins(containerId: string): Promise<void> {
  const deadline = performance.now() + GONE_TIMEOUT_MS;
  for (let pids = pluginsOf(containerId); pids.length > 0; pids = pluginsOf(containerId)) {
    if (performance.now() > deadline) throw new CtrError("DeadlineExceeded", `end of ${pids.join(", ")}`);
    for (const pid of pids) {
      const stat = readProcessStat(pid);
      // Looked at again after its start time was read: the number may have gone to another process before.
      if (stat && isPluginOf(`${pid}`, containerId)) signalProcess(pid, stat.startTicks, SIGKILL);
    }
    await Bun.sleep(LOOK_MS);
  }
}

function pluginsOf(containerId: string): number[] {
  const numbers = readdirSync("/proc").filter((name) => /^\d+$/.test(name) && name !== `${process.pid}`);
  return numbers.filter((pid) => isPluginOf(pid, containerId)).map(Number);
}

function isPluginOf(pid: string, containerId: string): boolean {
  try {
    const variables = readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
    return (
      variables.includes(`CNI_CONTAINERID=${containerId}`) &&
      variables.some((variable) => variable.startsWith("CNI_COMMAND="))
    );
  } catch (error) {
    if (hasErrno(error, "ENOENT", "ESRCH", "EACCES", "EPERM")) return false;
    throw error;
  }
}
