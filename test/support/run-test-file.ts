import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { cgroupsNamed, removeCgroupsNamed } from "./cgroups.ts";
import { mountsBelow, unmountBelow } from "./mounts.ts";
import { killNaming, processesNaming } from "./processes.ts";
import { waitFor } from "./wait-for.ts";

export interface FileReport {
  passed: number;
  failed: number;
  skipped: number;
  /** What is wrong beyond failed tests, one sentence each. Each counts as one failure. */
  problems: string[];
  output: string;
  seconds: number;
}

const TIMEOUT_MS = 300_000;
/** Between uvu's summary and the end of the process: an open handle keeps it alive for longer. */
const END_GRACE_MS = 10_000;
/** Children of a test that were told to end may take a moment to be gone. */
const SETTLE_MS = 2_000;

/** Runs one file in a process group and a TMPDIR of its own, then looks for what it left behind and removes that. */
export async function runTestFile(file: string, timeoutMs = TIMEOUT_MS): Promise<FileReport> {
  const directory = mkdtempSync(join(tmpdir(), "ctr-"));
  running.add(directory);
  const startedAt = performance.now();
  const { output, code, lateness } = await runProcess(file, directory, timeoutMs);
  const numbers = readNumbers(output);
  const failedTests = numbers ? numbers.total - numbers.passed : 0;
  const problems = [...lateness, ...forgottenRuns(file), ...(await findLeftovers(directory))];
  if (lateness.length === 0 && failedTests === 0) problems.push(...judgeEnd(code, numbers));
  await removeLeftovers(directory);
  running.delete(directory);
  return {
    passed: numbers?.passed ?? 0,
    failed: failedTests + problems.length,
    skipped: numbers?.skipped ?? 0,
    problems,
    output,
    seconds: (performance.now() - startedAt) / 1000,
  };
}

/** Directories of the files that run now. */
const running = new Set<string>();

/** Ends what runs and removes what it made: a file's process is out of the terminal's reach, in its own session. */
export async function abortRunning(): Promise<void> {
  await Promise.all([...running].map(removeLeftovers));
}

async function runProcess(file: string, directory: string, timeoutMs: number) {
  const child = Bun.spawn([process.execPath, file], {
    // Its own session, hence process group: on timeout the whole group is killed.
    detached: true,
    env: { ...process.env, TMPDIR: directory, FORCE_COLOR: "0", NO_COLOR: "1" },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  let output = "";
  const summary = Promise.withResolvers<"summary">();
  const read = async (stream: ReadableStream<Uint8Array>) => {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      output += decoder.decode(chunk, { stream: true });
      if (readNumbers(output)) summary.resolve("summary");
    }
  };
  const ended = Promise.all([read(child.stdout), read(child.stderr), child.exited]).then(
    () => "ended" as const,
  );
  const lateness: string[] = [];
  let event = await within(timeoutMs, [ended, summary.promise]);
  if (event === "late") lateness.push(`it did not end within ${timeoutMs / 1000} s`);
  if (event === "summary") event = await within(END_GRACE_MS, [ended]);
  if (event === "late" && lateness.length === 0) {
    lateness.push(
      `it did not end within ${END_GRACE_MS / 1000} s of its last test: an open handle, or a process that holds its output`,
    );
  }
  if (event === "late") killGroup(child.pid);
  await child.exited;
  return { output, code: child.exitCode, lateness };
}

async function within<T>(timeoutMs: number, promises: Promise<T>[]): Promise<T | "late"> {
  const late = Promise.withResolvers<"late">();
  const timer = setTimeout(() => late.resolve("late"), timeoutMs);
  try {
    return await Promise.race([...promises, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** uvu's summary. A failing hook leaves passed below total although uvu itself counts no failure. */
function readNumbers(output: string): { total: number; passed: number; skipped: number } | undefined {
  const match = /^ {2}Total: +(\d+)\n {2}Passed: +(\d+)\n {2}Skipped: +(\d+)$/m.exec(output);
  if (!match) return undefined;
  const [total = 0, passed = 0, skipped = 0] = match.slice(1).map(Number);
  return { total, passed, skipped };
}

/** What is wrong with an end that came in time and without a failed test. */
function judgeEnd(code: number | null, numbers: { total: number } | undefined): string[] {
  if (numbers?.total === 0) return ["it has no tests: is `.run()` missing?"];
  if (numbers) return code === 0 ? [] : [`it ended with exit status ${code}`];
  if (code === 0) return ["it reports no result: is `.run()` missing?"];
  return [`it ended with exit status ${code} before it reported a result`];
}

/** uvu takes no notice of a suite that is never run, as long as another one in the file is. */
function forgottenRuns(file: string): string[] {
  const source = readFileSync(file, "utf8");
  const suites = [...source.matchAll(/^ *const (\w+) = suite(?:<.*>)?\(/gm)].map((match) => match[1] ?? "");
  if (/^import \{[^}]*\btest\b[^}]*\} from "uvu";$/m.test(source)) suites.push("test");
  return suites.filter((name) => !source.includes(`${name}.run()`)).map((name) => `${name}.run() is missing`);
}

async function findLeftovers(directory: string): Promise<string[]> {
  const look = () => [
    ...mountsBelow(directory).map((path) => `it left a mount: ${path}`),
    ...processesNaming(directory).map(({ pid, command }) => `it left a process: ${pid} ${command}`),
    ...readdirSync(directory).map((name) => `it left a file: ${join(directory, name)}`),
    ...cgroupsNamed(basename(directory)).map((path) => `it left a cgroup: ${path}`),
  ];
  await waitFor(() => look().length === 0, { timeoutMs: SETTLE_MS }).catch(() => undefined);
  return look();
}

async function removeLeftovers(directory: string): Promise<void> {
  await killNaming(directory);
  unmountBelow(directory);
  removeCgroupsNamed(basename(directory));
  rmSync(directory, { recursive: true, force: true });
}
