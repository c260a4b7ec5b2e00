/**
 * The caller's own descriptors. Terminals and pipes are opened anew, nonblocking: the flag stays ours, where setting
 * it on the inherited descriptor would outlive us in the user's shell. Files are used as they are, since their
 * position belongs to all who share them, and never block for long. A socket cannot be opened anew; it is nonblocking
 * until we let go of it.
 */
import { closeSync, fstatSync, readSync } from "node:fs";
import { isNonblocking, openPath, setNonblocking, writeNow } from "../../sys/descriptors.ts";
import { hasErrno } from "../../sys/errno.ts";
import { O_NOCTTY, O_NONBLOCK, O_RDONLY, O_WRONLY } from "../../sys/open.ts";
import { isTerminal } from "../../sys/terminal.ts";

export type CallerEndKind = "pipe" | "null" | "terminal" | "socket" | "file" | "other";

const NULL_DEVICE = 0x103;
const CHUNK_BYTES = 65536;
/** How often to look again at once before sleeping: a reader that is busy makes room within microseconds. */
const SPINS = 50;
const WAIT_MS = 2;

export function callerEndKind(fd: number): CallerEndKind {
  let stat: ReturnType<typeof fstatSync>;
  try {
    stat = fstatSync(fd);
  } catch (error) {
    // Closed by whoever started us.
    if (hasErrno(error, "EBADF")) return "null";
    throw error;
  }
  if (stat.isFIFO()) return "pipe";
  if (stat.isCharacterDevice() && stat.rdev === NULL_DEVICE) return "null";
  if (stat.isFile()) return "file";
  if (stat.isSocket()) return "socket";
  return isTerminal(fd) ? "terminal" : "other";
}

export interface CallerEnd extends Disposable {
  readonly fd: number;
}

export interface CallerReader extends CallerEnd {
  /** Undefined at the end of the file, or once this is disposed. */
  read(): Promise<Uint8Array | undefined>;
}

export function openCallerReader(fd: number): CallerReader {
  if (callerEndKind(fd) === "file") return { fd, read: async () => readChunk(fd), [Symbol.dispose]() {} };
  const own = openOwn(fd, O_RDONLY);
  const reader = (Bun.file(own.fd).stream() as ReadableStream<Uint8Array>).getReader();
  return {
    fd: own.fd,
    read: async () => (await reader.read()).value,
    [Symbol.dispose]() {
      void reader.cancel().catch(() => {});
      own[Symbol.dispose]();
    },
  };
}

export interface CallerWriter extends CallerEnd {
  /** Throws Unavailable (EPIPE) when nobody reads any more. */
  write(bytes: Uint8Array): Promise<void>;
}

export function openCallerWriter(fd: number): CallerWriter {
  const own = openOwn(fd, O_WRONLY);
  return { ...own, write: (bytes) => writeAll(own.fd, bytes) };
}

/** Writes everything, waiting without blocking where a nonblocking descriptor takes no more. */
export async function writeAll(fd: number, bytes: Uint8Array): Promise<void> {
  let rest = bytes;
  for (let waits = 0; rest.length > 0; ) {
    const count = writeNow(fd, rest);
    if (count === undefined) {
      await (waits++ < SPINS ? new Promise((resolve) => setImmediate(resolve)) : Bun.sleep(WAIT_MS));
    } else {
      rest = rest.subarray(count);
      waits = 0;
    }
  }
}

function readChunk(fd: number): Uint8Array | undefined {
  const chunk = new Uint8Array(CHUNK_BYTES);
  const count = readSync(fd, chunk, 0, chunk.length, null);
  return count === 0 ? undefined : chunk.subarray(0, count);
}

function openOwn(fd: number, flags: number): CallerEnd {
  switch (callerEndKind(fd)) {
    case "pipe":
    case "terminal":
      return opened(openPath(`/proc/self/fd/${fd}`, flags | O_NONBLOCK | O_NOCTTY));
    case "socket":
      return nonblockingUntilDisposed(fd);
    default:
      return { fd, [Symbol.dispose]() {} };
  }
}

function opened(fd: number): CallerEnd {
  return { fd, [Symbol.dispose]: once(() => closeSync(fd)) };
}

function nonblockingUntilDisposed(fd: number): CallerEnd {
  if (isNonblocking(fd)) return { fd, [Symbol.dispose]() {} };
  setNonblocking(fd, true);
  return { fd, [Symbol.dispose]: once(() => setNonblocking(fd, false)) };
}

function once(work: () => void): () => void {
  let isDone = false;
  return () => {
    if (!isDone) work();
    isDone = true;
  };
}
