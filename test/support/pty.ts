import { waitFor } from "./wait-for.ts";

export interface PtyOptions {
  env?: Record<string, string | undefined>;
  cwd?: string;
  columns?: number;
  rows?: number;
}

export interface Pty extends AsyncDisposable {
  readonly pid: number;
  /** Types at the keyboard: "\r" is the return key, "\x03" is Ctrl-C. */
  write(data: string | Uint8Array<ArrayBuffer>): void;
  /** The program gets SIGWINCH. */
  resize(columns: number, rows: number): void;
  /** Everything on the screen so far, as bytes came. */
  output(): string;
  /** Resolves with the output when it matches. */
  waitForOutput(wanted: string | RegExp, timeoutMs?: number): Promise<string>;
  /** Closes the terminal's other end, as a broken connection does: the program gets SIGHUP. */
  hangUp(): void;
  /** Exit status, or 128 + signal, once the program has ended. */
  readonly exited: Promise<number>;
}

/** Runs a program as the session leader of a real pseudo terminal, which is its stdin, stdout and stderr. */
export function startPty(command: string[], options: PtyOptions = {}): Pty {
  const { env, cwd, columns = 80, rows = 24 } = options;
  const decoder = new TextDecoder();
  let output = "";
  // Given as options, not as a Terminal made before: only then it becomes the program's controlling terminal.
  const child = Bun.spawn(command, {
    env,
    cwd,
    terminal: {
      cols: columns,
      rows,
      data(_, chunk) {
        output += decoder.decode(chunk, { stream: true });
      },
    },
  });
  const terminal = child.terminal as Bun.Terminal;
  const matches = (wanted: string | RegExp) =>
    typeof wanted === "string" ? output.includes(wanted) : wanted.test(output);
  return {
    pid: child.pid,
    write: (data) => void terminal.write(data),
    resize: (newColumns, newRows) => terminal.resize(newColumns, newRows),
    output: () => output,
    async waitForOutput(wanted, timeoutMs = 10_000) {
      await waitFor(() => matches(wanted), { timeoutMs }).catch(() => {
        throw new Error(
          `no ${wanted} on the terminal within ${timeoutMs} ms, only ${JSON.stringify(output)}`,
        );
      });
      return output;
    },
    hangUp: () => terminal.close(),
    exited: child.exited,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.exited;
      terminal.close();
    },
  };
}
