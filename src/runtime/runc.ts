/** Calls of the OCI runtime's command line: runc's, which crun and the others share. */
import { CtrError } from "../core/errors.ts";
import type { RuntimeOptions } from "../core/task.ts";
import { readSmallFile } from "../sys/small-file.ts";

export interface Runc {
  /** Absolute. */
  binary: string;
  /** Holds the runtime's own state: one directory per container. */
  root: string;
  systemdCgroup: boolean;
}

const PACKAGES: Readonly<Record<string, string>> = { runc: "runc", crun: "crun" };

/** Throws NotFound naming the package for a runtime that is not installed. */
export function findRunc(options: RuntimeOptions, root: string): Runc {
  const name = options.binary || "runc";
  const binary = Bun.which(name, { PATH: process.env.PATH ?? "" });
  if (binary === null) {
    const where = name.includes("/") ? "" : ` in PATH (${process.env.PATH ?? ""})`;
    const suite = PACKAGES[name.slice(name.lastIndexOf("/") + 1)];
    throw new CtrError("NotFound", `OCI runtime ${JSON.stringify(name)}${where}`, {
      hint: suite && `install it with: apt-get install ${suite}`,
    });
  }
  return { binary, root, systemdCgroup: options.systemdCgroup ?? false };
}

export function runcCommand(runc: Runc, log: string | undefined, words: readonly string[]): string[] {
  const command = [runc.binary, "--root", runc.root];
  if (log !== undefined) command.push("--log", log);
  command.push("--log-format", "json");
  if (runc.systemdCgroup) command.push("--systemd-cgroup");
  return [...command, ...words];
}

const callPids = new Set<number>();

/** Processes of calls under way: children that Bun reaps, and nobody else may. */
export const runtimeCallPids: ReadonlySet<number> = callPids;

/** Runs a command that starts no process in a container. Throws Unknown with the runtime's words, `subject` before them. */
export async function callRunc(
  runc: Runc,
  words: readonly string[],
  subject = "",
  environment: Readonly<Record<string, string>> = {},
): Promise<string> {
  const child = Bun.spawn(runcCommand(runc, undefined, words), {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    env: { ...runtimeEnvironment(), ...environment },
  });
  callPids.add(child.pid);
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  callPids.delete(child.pid);
  if (code !== 0) throw runtimeFailure(lastWords(stderr) ?? `exit status ${code}`, subject);
  return stdout;
}

/** What went wrong with a command that wrote to the log at `logPath`. `run` is our way to create, not the user's. */
export function failureFromLog(logPath: string, subject: string): CtrError {
  // It may have failed even to open its log.
  const text = readSmallFile(logPath) ?? "";
  const words = lastWords(text) ?? "no message of the OCI runtime";
  return runtimeFailure(words.replace(/^runc run failed/, "runc create failed"), subject);
}

/** Real errors end in `: unknown`, containerd's class for what its runtime said. */
function runtimeFailure(words: string, subject: string): CtrError {
  return new CtrError("Unknown", subject === "" ? words : `${subject}: ${words}`);
}

/** The last error of a log of JSON lines; a text that is none is taken as it is. */
function lastWords(log: string): string | undefined {
  const lines = log.split("\n").filter((line) => line.trim() !== "");
  for (const line of lines.reverse()) {
    if (!line.startsWith("{")) return line.trim();
    const { level, msg } = parseLine(line);
    if (level === "error" || level === "fatal") return msg?.trim();
  }
  return undefined;
}

/** Nothing of a line that is cut off: a full disk ends a log anywhere. */
function parseLine(line: string): { level?: string; msg?: string } {
  try {
    return JSON.parse(line);
  } catch {
    return {};
  }
}

/**
 * What a runtime needs of our environment. NOTIFY_SOCKET and LISTEN_FDS would make runc hand our own sockets to the
 * container, and a supervisor that lives long should not keep the caller's secrets.
 */
export function runtimeEnvironment(): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const name of ["PATH", "TMPDIR", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS", "TZ"]) {
    const value = process.env[name];
    if (value !== undefined) kept[name] = value;
  }
  // A call of runc is over before collecting its garbage pays: 2 of 26 ms.
  return { ...kept, GOGC: "off" };
}
