import { closeSync } from "node:fs";
import type { CallerStreams } from "../../core/task.ts";
import { openPath, setPipeCapacity } from "../../sys/descriptors.ts";
import { hasErrno } from "../../sys/errno.ts";
import { O_NONBLOCK, O_RDONLY, O_WRONLY } from "../../sys/open.ts";
import { openCallerReader, openCallerWriter, writeAll } from "./caller-end.ts";
import { copyOutput, type OutputCopy } from "./copy-output.ts";

/** What a join needs of the process it joins. */
export interface JoinedProcess {
  closeStdin(): Promise<unknown>;
}

/** The caller's streams and a process', joined. */
export interface Join {
  /** Begins to move bytes; the process is there. */
  begin(process: JoinedProcess): void;
  /** After the process' end: settles when the last byte is written. Rejects when the caller's stream fails. */
  drained(): Promise<void>;
  /** Rejects when the caller's stream fails. */
  readonly failed: Promise<never>;
  /** Lets go of the caller's streams and leaves them as they were. */
  close(): void;
}

/** As much as the kernel lets anybody have: fewer wake-ups. */
const FIFO_BYTES = 1 << 20;

export type FifoPaths = Partial<Record<keyof CallerStreams, string>>;

/** Joins by those FIFOs that there are. Those of the output are opened at once, since they may soon be removed. */
export function joinFifos(paths: FifoPaths, streams: CallerStreams): Join {
  const outputs: { fd: number; target: number }[] = [];
  for (const name of ["stdout", "stderr"] as const) {
    const path = paths[name];
    if (path !== undefined) outputs.push({ fd: openReadEnd(path), target: streams[name] });
  }
  const copies: OutputCopy[] = [];
  const closers: (() => void)[] = [];
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => {});
  return {
    failed: failed.promise,
    begin(process) {
      for (const { fd, target } of outputs.splice(0)) {
        const writer = openCallerWriter(target);
        const copy = copyOutput(fd, writer);
        copies.push(copy);
        copy.failed.catch(failed.reject);
        closers.push(() => writer[Symbol.dispose]());
      }
      if (paths.stdin !== undefined) {
        closers.push(copyStdin(paths.stdin, streams.stdin, process, failed.reject));
      }
    },
    async drained() {
      await Promise.all(copies.map((copy) => copy.drained()));
    },
    close() {
      for (const { fd } of outputs.splice(0)) closeSync(fd);
      for (const copy of copies) copy.stop();
      for (const close of closers.splice(0)) close();
    },
  };
}

function openReadEnd(path: string): number {
  const fd = openPath(path, O_RDONLY | O_NONBLOCK);
  try {
    setPipeCapacity(fd, FIFO_BYTES);
  } catch {
    // EPERM above the user's share of pipe pages, EBUSY: it works with less.
  }
  return fd;
}

/** Copies until the caller's end of file, which becomes the process'; answers what stops it. */
function copyStdin(
  path: string,
  fromFd: number,
  process: JoinedProcess,
  onFailed: (error: unknown) => void,
): () => void {
  let fd: number;
  try {
    fd = openPath(path, O_WRONLY | O_NONBLOCK);
  } catch (error) {
    // It has ended already, or somebody closed its stdin.
    if (hasErrno(error, "ENXIO", "ENOENT")) return () => {};
    throw error;
  }
  const source = openCallerReader(fromFd);
  let isStopped = false;
  const copy = async () => {
    try {
      for (let chunk = await source.read(); chunk && !isStopped; chunk = await source.read()) {
        await writeAll(fd, chunk);
      }
    } catch (error) {
      // EPIPE: it no longer reads. EIO: our terminal hung up.
      if (!hasErrno(error, "EPIPE", "EIO", "EBADF")) throw error;
    } finally {
      closeSync(fd);
      if (!isStopped) await process.closeStdin().catch(() => {});
    }
  };
  copy().catch(onFailed);
  return () => {
    isStopped = true;
    source[Symbol.dispose]();
  };
}
