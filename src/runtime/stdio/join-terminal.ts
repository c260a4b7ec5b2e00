import { CtrError } from "../../core/errors.ts";
import type { CallerStreams } from "../../core/task.ts";
import { setNonblocking } from "../../sys/descriptors.ts";
import { hasErrno } from "../../sys/errno.ts";
import {
  isTerminal,
  makeTerminalRaw,
  readWindowSize,
  type WindowSize,
  writeTerminalSettings,
  writeWindowSize,
} from "../../sys/terminal.ts";
import { openCallerReader, openCallerWriter, writeAll } from "./caller-end.ts";
import { copyOutput } from "./copy-output.ts";
import type { Join } from "./join-fifos.ts";

/** Signals that end us while the terminal is raw: it is given back first. */
const DEADLY = ["SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM"] as const;

/** The first of stderr, stdout and stdin that is one. Throws FailedPrecondition when none is. */
export function callersTerminal({ stdin, stdout, stderr }: CallerStreams): number {
  const found = [stderr, stdout, stdin].find(isTerminal);
  if (found !== undefined) return found;
  throw new CtrError("FailedPrecondition", "terminal of the caller: provided file is not a console", {
    hint: "run it on a terminal, or without -t",
  });
}

export function terminalSize(fd: number): WindowSize {
  return readWindowSize(fd);
}

/** Joins the caller's terminal and a process', whose master becomes ours; its size follows. */
export function joinTerminal(terminalFd: number, masterFd: number): Join {
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => {});
  // Shared with the supervisor, which only ever sets sizes.
  setNonblocking(masterFd, true);
  const settings = makeTerminalRaw(terminalFd);
  const restore = () => writeTerminalSettings(terminalFd, settings);
  const resize = () => writeWindowSize(masterFd, readWindowSize(terminalFd));
  const dieRestored = (signal: NodeJS.Signals) => {
    close();
    process.kill(process.pid, signal);
  };
  const source = openCallerReader(terminalFd);
  const writer = openCallerWriter(terminalFd);
  const copy = copyOutput(masterFd, writer);
  copy.failed.catch(failed.reject);

  let isClosed = false;
  const close = () => {
    if (isClosed) return;
    isClosed = true;
    process.off("SIGWINCH", resize);
    process.off("exit", close);
    for (const signal of DEADLY) process.off(signal, dieRestored);
    copy.stop();
    source[Symbol.dispose]();
    writer[Symbol.dispose]();
    try {
      restore();
    } catch {
      // It hung up.
    }
  };
  process.on("SIGWINCH", resize);
  process.on("exit", close);
  for (const signal of DEADLY) process.on(signal, dieRestored);

  const type = async () => {
    try {
      for (let chunk = await source.read(); chunk && !isClosed; chunk = await source.read()) {
        await writeAll(masterFd, chunk);
      }
    } catch (error) {
      // The process has closed its terminal, or ours hung up.
      if (!hasErrno(error, "EIO", "EBADF")) failed.reject(error);
    }
  };
  return {
    failed: failed.promise,
    begin() {
      resize();
      void type();
    },
    drained: () => copy.drained(),
    close,
  };
}
