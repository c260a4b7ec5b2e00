import { readdirSync, readFileSync } from "node:fs";
import { waitFor } from "./wait-for.ts";

export interface ProcessInfo {
  pid: number;
  /** Words joined by blanks; empty for a kernel thread. */
  command: string;
}

/** Live processes (no zombies) whose command line, environment or cgroup path contains the text, without our own. */
export function processesNaming(text: string): ProcessInfo[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .map((name) => ({ pid: Number(name), command: read(name, "cmdline").replaceAll("\0", " ").trim() }))
    .filter(({ pid, command }) => {
      const facts = [command, read(`${pid}`, "environ"), read(`${pid}`, "cgroup")];
      return facts.some((fact) => fact.includes(text)) && isAlive(pid);
    });
}

/** Whether the process exists and is no zombie. */
export function isAlive(pid: number): boolean {
  const stat = read(`${pid}`, "stat");
  const state = stat.slice(stat.lastIndexOf(")") + 2)[0];
  return state !== undefined && state !== "Z" && state !== "X";
}

/** Kills what `processesNaming` finds until nothing is left, for processes may start others meanwhile. */
export async function killNaming(text: string): Promise<void> {
  if (text.length < 6) throw new Error(`${JSON.stringify(text)} is too short to choose processes by`);
  await waitFor(
    () => {
      const found = processesNaming(text);
      for (const { pid } of found) kill(pid);
      return found.length === 0;
    },
    { what: `the end of all processes that name ${text}` },
  );
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** Empty when the process has gone. */
function read(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return "";
  }
}
