import { constants } from "node:os";

export interface RunOptions {
  /** Written to stdin, then closed; /dev/null without it. */
  stdin?: string | Uint8Array | Blob | ReadableStream;
  /** The whole environment; our own without it. */
  env?: Record<string, string | undefined>;
  cwd?: string;
  timeoutMs?: number;
}

export interface RunResult {
  /** Exit status, or 128 + signal. */
  code: number;
  stdout: string;
  stderr: string;
  stdoutBytes: Uint8Array;
}

const SIGNAL_BASE = 128;

/**
 * Runs a program until it has ended and closed its streams. Throws when that takes longer than `timeoutMs`
 * (a minute), with what it printed so far: a background process that keeps the caller's pipe is found this way.
 */
export async function run(command: string[], options: RunOptions = {}): Promise<RunResult> {
  const { stdin, env, cwd, timeoutMs = 60_000 } = options;
  const child = Bun.spawn(command, {
    stdin: typeof stdin === "string" ? new Blob([stdin]) : (stdin ?? "ignore"),
    stdout: "pipe",
    stderr: "pipe",
    env,
    cwd,
  });
  const stdout = collect(child.stdout);
  const stderr = collect(child.stderr);
  const ended = Promise.all([child.exited, stdout.done, stderr.done]).then(() => true);
  const { promise: late, resolve } = Promise.withResolvers<false>();
  const timer = setTimeout(() => resolve(false), timeoutMs);
  const inTime = await Promise.race([ended, late]);
  clearTimeout(timer);
  if (!inTime) {
    child.kill("SIGKILL");
    await Promise.all([stdout.cancel(), stderr.cancel()]);
    const words = `${stdout.text()}${stderr.text()}`;
    throw new Error(`${command.join(" ")}: not ended within ${timeoutMs} ms; it printed:\n${words}`);
  }
  return {
    code: exitStatus(child),
    stdout: stdout.text(),
    stderr: stderr.text(),
    stdoutBytes: stdout.bytes(),
  };
}

function exitStatus({ signalCode, exitCode }: Bun.Subprocess): number {
  if (signalCode === null) return exitCode ?? 0;
  return SIGNAL_BASE + (typeof signalCode === "number" ? signalCode : constants.signals[signalCode]);
}

function collect(stream: ReadableStream<Uint8Array>) {
  const chunks: Uint8Array[] = [];
  const reader = stream.getReader();
  const done = (async () => {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      chunks.push(value);
    }
  })();
  return {
    done,
    cancel: () => reader.cancel(),
    bytes: () => Buffer.concat(chunks),
    text: () => Buffer.concat(chunks).toString(),
  };
}
