import { accessSync, constants, statSync } from "node:fs";
import { join } from "node:path";
import { CtrError, withSubject } from "../core/errors.ts";
import { quote } from "../core/quote.ts";
import { endPlugins } from "./end-plugins.ts";
import { failureWords, onOneLine } from "./plugin-result.ts";

/** Debian's name for the reference plugins, which most configurations are made of. */
const PACKAGE = "containernetworking-plugins";
const MOST_OUTPUT_BYTES = 1024 * 1024;
/** How long output may still come when the plugin has ended: some other process may have its standard output. */
const DRAIN_MS = 1000;

export interface PluginCall {
  type: string;
  command: "ADD" | "DEL";
  /** Its standard input. */
  config: object;
  containerId: string;
  netns: string;
  interfaceName: string;
  args: string;
  directories: readonly string[];
  /** Locks the container's network; the plugin has a copy, so that nobody can take it over while one is at work. */
  lockFd: number;
  signal?: AbortSignal;
  timeoutMs?: number;
  log?: (line: string) => void;
}

/**
 * Runs a plugin to its end and answers what it printed. Throws Unknown with its own words when it says that it failed,
 * NotFound or FailedPrecondition when it cannot be run; all else means that nobody knows what it has done.
 */
export async function callPlugin(call: PluginCall): Promise<string> {
  const { type, command } = call;
  const log = (text: string) => call.log?.(`${type} ${command}: ${onOneLine(text)}`);
  try {
    const { stdout, stderr, status, signal } = await runPlugin(findPlugin(type, call.directories), call);
    if (stderr.trim() !== "") log(stderr);
    if (status !== "") throw new CtrError("Unknown", failureWords(stdout, stderr, status));
    if (signal !== null) throw new CtrError("Unavailable", `it was killed by ${signal}`);
    log(stdout.trim() || "done");
    return stdout;
  } catch (error) {
    throw withSubject(failureOf(type, command), error);
  }
}

/** Throws as a call of it would. */
export function requirePlugin(type: string, directories: readonly string[]): void {
  try {
    findPlugin(type, directories);
  } catch (error) {
    throw withSubject(failureOf(type, "ADD"), error);
  }
}

const failureOf = (type: string, command: PluginCall["command"]): string =>
  `plugin type=${quote(type)} failed (${command === "ADD" ? "add" : "delete"})`;

function findPlugin(type: string, directories: readonly string[]): string {
  const path = directories.map((directory) => join(directory, type)).find(isProgram);
  if (path !== undefined) return path;
  throw new CtrError("NotFound", `failed to find plugin ${quote(type)} in path [${directories.join(" ")}]`, {
    hint: `install it, from the package ${PACKAGE} for example, or name its directory in CNI_PATH`,
  });
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

async function runPlugin(path: string, call: PluginCall) {
  const interrupted = new CtrError("Canceled", "interrupted");
  if (call.signal?.aborted) throw interrupted;
  const child = spawnPlugin(path, call);
  let ending: Promise<void> | undefined;
  let reason: CtrError | undefined;
  const end = (error: CtrError) => {
    reason ??= error;
    ending ??= endPlugins(call.containerId);
  };
  const abort = () => end(interrupted);
  call.signal?.addEventListener("abort", abort);
  const late = () => end(new CtrError("DeadlineExceeded", "it took too long"));
  const timer = call.timeoutMs === undefined ? undefined : setTimeout(late, call.timeoutMs);
  try {
    const tooMuch = () =>
      end(new CtrError("ResourceExhausted", `it wrote more than ${MOST_OUTPUT_BYTES} bytes`));
    const streams = [child.stdout, child.stderr].map((stream) => collect(stream, tooMuch));
    await child.exited;
    await Promise.race([Promise.all(streams.map(({ done }) => done)), Bun.sleep(DRAIN_MS)]);
    await ending;
    if (reason) throw reason;
    const [stdout = "", stderr = ""] = streams.map(({ text }) => text());
    const status = child.exitCode ? `exit status ${child.exitCode}` : "";
    return { stdout, stderr, status, signal: child.signalCode };
  } finally {
    clearTimeout(timer);
    call.signal?.removeEventListener("abort", abort);
  }
}

/** In a session of its own: Ctrl-C at the terminal is for us, who undo what was begun. */
function spawnPlugin(path: string, call: PluginCall) {
  const { command, config, containerId, netns, interfaceName, args, directories, lockFd } = call;
  const environment = {
    ...process.env,
    CNI_COMMAND: command,
    CNI_CONTAINERID: containerId,
    CNI_NETNS: netns,
    CNI_IFNAME: interfaceName,
    CNI_ARGS: args,
    CNI_PATH: directories.join(":"),
  };
  try {
    return Bun.spawn([path], {
      stdio: [Buffer.from(JSON.stringify(config)), "pipe", "pipe", lockFd],
      env: environment,
      cwd: "/",
      detached: true,
    });
  } catch (error) {
    throw new CtrError("FailedPrecondition", `${path} cannot be run`, { cause: error });
  }
}

function collect(stream: ReadableStream<Uint8Array>, tooMuch: () => void) {
  const chunks: Uint8Array[] = [];
  const read = async () => {
    let size = 0;
    for await (const chunk of stream) {
      size += chunk.length;
      if (size > MOST_OUTPUT_BYTES) return tooMuch();
      chunks.push(chunk);
    }
  };
  return { done: read(), text: () => Buffer.concat(chunks).toString() };
}
