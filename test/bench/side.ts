import { readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { startOracle } from "../support/containerd.ts";
import { createCtr, ctrExecutable } from "../support/ctr.ts";
import { processesNaming } from "../support/processes.ts";
import { type RunResult, run } from "../support/run-program.ts";

const BYTES_PER_KIB = 1024;
const BYTES_PER_MB = 1e6;

/** One of the two that are compared. */
export interface Side extends AsyncDisposable {
  readonly name: string;
  /** Runs a command that must succeed. */
  ctr(...words: string[]): Promise<RunResult>;
  /** The same in a shell pipeline: `$CTR` stands for the program with what it always needs. */
  shell(script: string): Promise<RunResult>;
  /** Milliseconds from before the command is started to its end. */
  time(...words: string[]): Promise<number>;
  /** Proportional memory (Pss) of everything that stays running for the tasks, without the containers, in MB. */
  residentMegabytes(): number;
  /** The highest memory (Rss) while the command runs: client, and daemon if there is one, in MB. */
  peakMegabytes(...words: string[]): Promise<number>;
  /** A name never used before. */
  newName(): string;
}

interface SideParts {
  name: string;
  command: readonly string[];
  env: Record<string, string | undefined>;
  /** Text that all of its processes name. */
  home: string;
  programs: readonly string[];
  daemonPid?: number;
  dispose(): Promise<void>;
}

export function startOurs(directory: string): Side {
  const ctr = createCtr(directory);
  return createSide({
    name: "ctr, no daemon",
    command: [ctrExecutable],
    env: { ...ctr.env },
    home: ctr.state,
    programs: [basename(ctrExecutable)],
    dispose: async () => ctr[Symbol.asyncDispose](),
  });
}

export async function startTheirs(directory: string): Promise<Side> {
  const oracle = await startOracle(directory);
  return createSide({
    name: "ctr + containerd",
    command: oracle.command,
    env: process.env,
    home: oracle.address,
    programs: ["containerd", "containerd-shim-runc-v2"],
    daemonPid: oracle.pid,
    dispose: async () => oracle[Symbol.asyncDispose](),
  });
}

const TIMEOUT_MS = 300_000;

function createSide({ name, command, env, home, programs, daemonPid, dispose }: SideParts): Side {
  let names = 0;
  const succeed = async (words: string[], extraEnv: Record<string, string> = {}) => {
    const result = await run(words, { env: { ...env, ...extraEnv }, timeoutMs: TIMEOUT_MS });
    if (result.code === 0) return result;
    const said = `${result.stderr}${result.stdout}`.trim().split("\n").at(-1);
    throw new Error(`${words.slice(command.length).join(" ").slice(0, 80)}: exit ${result.code}: ${said}`);
  };
  const serving = () =>
    [...new Set([...processesNaming(home).map(({ pid }) => pid), ...(daemonPid ? [daemonPid] : [])])].filter(
      (pid) => programs.includes(programOf(pid)),
    );
  return {
    name,
    ctr: (...words) => succeed([...command, ...words]),
    shell: (script) => succeed(["sh", "-c", script], { CTR: command.join(" ") }),
    async time(...words) {
      const startedAt = performance.now();
      await succeed([...command, ...words]);
      return performance.now() - startedAt;
    },
    residentMegabytes: () => serving().reduce((sum, pid) => sum + pssMegabytes(pid), 0),
    async peakMegabytes(...words) {
      if (daemonPid) writeFileSync(`/proc/${daemonPid}/clear_refs`, "5");
      const client = Bun.spawn([...command, ...words], {
        env,
        stdin: "ignore",
        stdout: "ignore",
        stderr: "ignore",
      });
      if ((await client.exited) !== 0) throw new Error(`${words.join(" ")}: exit ${client.exitCode}`);
      const clientMegabytes = (client.resourceUsage()?.maxRSS ?? 0) / BYTES_PER_MB;
      return clientMegabytes + (daemonPid ? statusMegabytes(daemonPid, "VmHWM") : 0);
    },
    newName: () => `b${process.pid}-${++names}`,
    [Symbol.asyncDispose]: dispose,
  };
}

function programOf(pid: number): string {
  try {
    return basename(readlinkSync(`/proc/${pid}/exe`));
  } catch {
    return "";
  }
}

function pssMegabytes(pid: number): number {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  return kibToMegabytes(/^Pss: +(\d+) kB$/m.exec(rollup)?.[1]);
}

function statusMegabytes(pid: number, field: string): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return kibToMegabytes(new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(status)?.[1]);
}

function kibToMegabytes(kib: string | undefined): number {
  return (Number(kib) * BYTES_PER_KIB) / BYTES_PER_MB;
}
