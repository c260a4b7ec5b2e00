/**
 * Ends processes that nobody has noted the numbers of, by what /proc says of them. Dangerous here: between a look and
 * the signal a number may go to another process, so each is looked at again once its start time is known; and a process
 * says what it likes of itself, so those in containers, which have pid namespaces of their own, are not listened to.
 */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { CtrError } from "../core/errors.ts";
import { hasErrno } from "./errno.ts";
import { readProcessStat, signalProcess } from "./process.ts";

const SIGKILL = 9;
const GONE_TIMEOUT_MS = 10_000;
const LOOK_MS = 5;

/**
 * Kills every process of our pid namespace but this one whose command line or environment is one that is meant, until
 * there is none. Throws DeadlineExceeded for those that do not go.
 */
export async function endProcesses(
  file: "cmdline" | "environ",
  isMeant: (words: readonly string[]) => boolean,
): Promise<void> {
  const deadline = performance.now() + GONE_TIMEOUT_MS;
  const find = () => readdirSync("/proc").filter((name) => isOne(name, file, isMeant));
  for (let pids = find(); pids.length > 0; pids = find()) {
    if (performance.now() > deadline) throw new CtrError("DeadlineExceeded", `end of ${pids.join(", ")}`);
    for (const pid of pids) {
      const stat = readProcessStat(Number(pid));
      if (stat && isOne(pid, file, isMeant)) signalProcess(Number(pid), stat.startTicks, SIGKILL);
    }
    await Bun.sleep(LOOK_MS);
  }
}

function isOne(name: string, file: string, isMeant: (words: readonly string[]) => boolean): boolean {
  if (!/^\d+$/.test(name) || name === `${process.pid}`) return false;
  try {
    const words = readFileSync(`/proc/${name}/${file}`, "utf8").split("\0");
    return isMeant(words) && pidNamespaceOf(name) === pidNamespaceOf("self");
  } catch (error) {
    // What has ended, or is not ours to look at, is none.
    if (hasErrno(error, "ENOENT", "ESRCH", "EACCES", "EPERM")) return false;
    throw error;
  }
}

const pidNamespaceOf = (name: string): string => readlinkSync(`/proc/${name}/ns/pid`);
