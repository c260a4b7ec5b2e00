/**
 * Pipes, FIFOs and raw descriptors. Dangerous here: Node's fs opens, reads and writes FIFOs in a pool of few
 * threads, where two idle ones starve every other file operation; Bun.file(path) opens them nonblocking behind our
 * back. O_NONBLOCK belongs to the open file and is seen by everyone who shares it, the user's shell too: whoever
 * sets it on an inherited descriptor puts it back.
 */
import { checkCall, SysError } from "./errno.ts";
import { cString, LONG, lastErrno, linkOnFirstUse, type Name, SIZE } from "./libc.ts";
import { AT_FDCWD, O_NONBLOCK, openAt } from "./open.ts";

const F_DUPFD_CLOEXEC = 1030;
const F_GETFL = 3;
const F_SETFL = 4;
const F_SETPIPE_SZ = 1031;
const O_CLOEXEC = 0o2000000;
const SEEK_CUR = 1;

const libc = linkOnFirstUse({
  mkfifo: { args: ["cstring", "u32"], returns: "i32" },
  pipe2: { args: ["ptr", "i32"], returns: "i32" },
  fcntl: { args: ["i32", "i32", LONG], returns: "i32" },
  read: { args: ["i32", "ptr", SIZE], returns: LONG },
  write: { args: ["i32", "ptr", SIZE], returns: LONG },
  lseek: { args: ["i32", LONG, "i32"], returns: LONG },
});

/**
 * open(2) with exactly these flags, and O_CLOEXEC. Blocks the whole process where opening blocks: a FIFO without
 * its other end; with O_NONBLOCK its reader opens at once, its writer fails with ENXIO.
 */
export function openPath(path: Name, flags: number, mode = 0): number {
  return openAt(AT_FDCWD, path, flags, mode);
}

/** Makes a FIFO; `mode` less the umask. */
export function makeFifo(path: Name, mode: number): void {
  checkCall(libc().mkfifo(cString(path), mode), "mkfifo", path);
}

export interface Pipe {
  readFd: number;
  writeFd: number;
}

/** A pipe that children do not inherit; `flags` may add O_NONBLOCK, for both ends. */
export function openPipe(flags = 0): Pipe {
  const fds = new Int32Array(2);
  checkCall(libc().pipe2(fds, flags | O_CLOEXEC), "pipe2");
  return { readFd: fds[0]!, writeFd: fds[1]! };
}

/** How many bytes a pipe or FIFO holds from now on; the kernel rounds up and returns what it is. */
export function setPipeCapacity(fd: number, sizeBytes: number): number {
  return checkCall(libc().fcntl(fd, F_SETPIPE_SZ, sizeBytes), "fcntl F_SETPIPE_SZ");
}

export function isNonblocking(fd: number): boolean {
  return (checkCall(libc().fcntl(fd, F_GETFL, 0), "fcntl F_GETFL") & O_NONBLOCK) !== 0;
}

/** The flag is the open file's (man 2 fcntl): whoever shares it, a shell that we leave behind too, has it as well. */
export function setNonblocking(fd: number, nonblocking: boolean): void {
  const flags = checkCall(libc().fcntl(fd, F_GETFL, 0), "fcntl F_GETFL");
  const wanted = nonblocking ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
  if (wanted !== flags) checkCall(libc().fcntl(fd, F_SETFL, wanted), "fcntl F_SETFL");
}

/** A second descriptor of the same open file, not inherited. */
export function duplicateFd(fd: number): number {
  return checkCall(libc().fcntl(fd, F_DUPFD_CLOEXEC, 0), "fcntl F_DUPFD_CLOEXEC");
}

/**
 * One read(2) into `buffer`: how many bytes, 0 at the end, `undefined` when a nonblocking descriptor has none now.
 * EIO is how a pty master says that the last slave has closed.
 */
export function readNow(fd: number, buffer: Uint8Array): number | undefined {
  return unlessAgain("read", () => libc().read(fd, buffer, buffer.length));
}

/** One write(2): how many bytes were taken, maybe not all; `undefined` when a nonblocking descriptor takes none now. */
export function writeNow(fd: number, bytes: Uint8Array): number | undefined {
  return unlessAgain("write", () => libc().write(fd, bytes, bytes.length));
}

/** Where the next byte goes; after writing with O_APPEND, the end of what was written. */
export function positionOf(fd: number): number {
  return checkCall(libc().lseek(fd, 0, SEEK_CUR), "lseek");
}

function unlessAgain(syscall: string, call: () => number | bigint): number | undefined {
  for (;;) {
    const count = call();
    if (count !== -1) return Number(count);
    const failure = new SysError(lastErrno(), syscall);
    if (failure.errno === "EAGAIN") return undefined;
    if (failure.errno !== "EINTR") throw failure;
  }
}
