/**
 * Unix sockets as runc and a client use them to hand over descriptors. Dangerous here: a received descriptor is
 * ours to close, also when the message is refused; a message buffer that is too short makes the kernel drop the
 * rest of the descriptors (MSG_CTRUNC).
 *
 * Kernel rules: sun_path holds 107 bytes, so a longer path is reached through /proc/self/fd/N of its directory;
 * struct msghdr is seven words, struct cmsghdr is { u64 length, int level, int type } on 64-bit Linux.
 */
import { ptr } from "bun:ffi";
import { basename, dirname } from "node:path";
import { CtrError } from "../core/errors.ts";
import { checkCall, SysError } from "./errno.ts";
import { LONG, lastErrno, linkOnFirstUse } from "./libc.ts";
import { AT_FDCWD, closeFd, O_DIRECTORY, O_PATH, openAt } from "./open.ts";

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const MSG_CTRUNC = 0x8;
const MSG_NOSIGNAL = 0x4000;
const MSG_CMSG_CLOEXEC = 0x40000000;
const SUN_PATH_BYTES = 108;
const CMSG_HEADER_BYTES = 16;
const FDS_MAX = 8;

const libc = linkOnFirstUse({
  socket: { args: ["i32", "i32", "i32"], returns: "i32" },
  bind: { args: ["i32", "ptr", "u32"], returns: "i32" },
  listen: { args: ["i32", "i32"], returns: "i32" },
  accept4: { args: ["i32", "ptr", "ptr", "i32"], returns: "i32" },
  connect: { args: ["i32", "ptr", "u32"], returns: "i32" },
  sendmsg: { args: ["i32", "ptr", "i32"], returns: LONG },
  recvmsg: { args: ["i32", "ptr", "i32"], returns: LONG },
});

/** A nonblocking socket that listens at `path`, of any length. AlreadyExists (EADDRINUSE) when there is a file. */
export function listenUnix(path: string): number {
  return withSocket(SOCK_NONBLOCK, (socketFd) => {
    withAddress(path, (address) => checkCall(libc().bind(socketFd, address, address.length), "bind", path));
    checkCall(libc().listen(socketFd, 16), "listen", path);
  });
}

/** A blocking connection to the socket at `path`. Unavailable (ECONNREFUSED) when nobody listens, NotFound. */
export function connectUnix(path: string): number {
  return withSocket(0, (socketFd) => {
    withAddress(path, (address) =>
      checkCall(libc().connect(socketFd, address, address.length), "connect", path),
    );
  });
}

/** The next waiting connection, as a blocking socket; `undefined` when none waits. */
export function acceptNow(listenerFd: number): number | undefined {
  const fd = libc().accept4(listenerFd, null, null, SOCK_CLOEXEC);
  if (fd !== -1) return fd;
  const failure = new SysError(lastErrno(), "accept4");
  if (failure.errno === "EAGAIN" || failure.errno === "ECONNABORTED") return undefined;
  throw failure;
}

export interface Message {
  bytes: Uint8Array;
  /** The receiver closes them. */
  fds: number[];
}

/** Sends `bytes` (at least one) and copies of `fds`; ours stay open. Unavailable (EPIPE) when nobody reads. */
export function sendMessage(socketFd: number, bytes: Uint8Array, fds: readonly number[]): void {
  if (bytes.length === 0) throw new CtrError("InvalidArgument", "empty message");
  const control = new Uint8Array(alignToWord(CMSG_HEADER_BYTES + fds.length * 4));
  const view = new DataView(control.buffer);
  view.setBigUint64(0, BigInt(CMSG_HEADER_BYTES + fds.length * 4), true);
  view.setInt32(8, SOL_SOCKET, true);
  view.setInt32(12, SCM_RIGHTS, true);
  for (const [index, fd] of fds.entries()) view.setInt32(CMSG_HEADER_BYTES + index * 4, fd, true);
  const header = messageHeader(bytes, fds.length === 0 ? undefined : control);
  checkCall(libc().sendmsg(socketFd, header.words, MSG_NOSIGNAL), "sendmsg");
  header.release();
}

/**
 * One message of at most `lengthBytes` and eight descriptors, not inherited by children; no bytes at the end.
 * `undefined` when a nonblocking socket has none. Throws DataLoss, closing what came, when descriptors were cut off.
 */
export function receiveMessage(socketFd: number, lengthBytes: number): Message | undefined {
  const bytes = new Uint8Array(lengthBytes);
  const control = new Uint8Array(alignToWord(CMSG_HEADER_BYTES + FDS_MAX * 4));
  const header = messageHeader(bytes, control);
  const count = libc().recvmsg(socketFd, header.words, MSG_CMSG_CLOEXEC);
  if (count === -1) {
    const failure = new SysError(lastErrno(), "recvmsg");
    if (failure.errno === "EAGAIN") return undefined;
    throw failure;
  }
  header.release();
  const fds = receivedFds(control, Number(header.words[5]));
  if ((Number(header.words[6]) & MSG_CTRUNC) !== 0) {
    for (const fd of fds) closeFd(fd);
    throw new CtrError("DataLoss", "message with too many descriptors");
  }
  return { bytes: bytes.subarray(0, Number(count)), fds };
}

function receivedFds(control: Uint8Array, controlBytes: number): number[] {
  const view = new DataView(control.buffer);
  const fds: number[] = [];
  for (let at = 0; at + CMSG_HEADER_BYTES <= controlBytes; ) {
    const length = Number(view.getBigUint64(at, true));
    if (length < CMSG_HEADER_BYTES) break;
    if (view.getInt32(at + 8, true) === SOL_SOCKET && view.getInt32(at + 12, true) === SCM_RIGHTS) {
      for (let fdAt = at + CMSG_HEADER_BYTES; fdAt + 4 <= at + length; fdAt += 4)
        fds.push(view.getInt32(fdAt, true));
    }
    at += alignToWord(length);
  }
  return fds;
}

/** struct msghdr. Whoever holds it keeps alive what it points to, until `release`. */
function messageHeader(bytes: Uint8Array, control: Uint8Array | undefined) {
  const vector = new BigUint64Array([BigInt(ptr(bytes)), BigInt(bytes.length)]);
  const words = new BigUint64Array(7);
  words[2] = BigInt(ptr(vector));
  words[3] = 1n;
  words[4] = control === undefined ? 0n : BigInt(ptr(control));
  words[5] = BigInt(control?.length ?? 0);
  const pointedTo: unknown[] = [bytes, vector, control];
  return { words, release: () => pointedTo.splice(0) };
}

function alignToWord(length: number): number {
  return (length + 7) & ~7;
}

function withSocket(flags: number, prepare: (socketFd: number) => void): number {
  const fd = checkCall(libc().socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0), "socket");
  try {
    prepare(fd);
    return fd;
  } catch (error) {
    closeFd(fd);
    throw error;
  }
}

/** struct sockaddr_un for `path`, valid during `use`. */
function withAddress<Result>(path: string, use: (address: Uint8Array) => Result): Result {
  if (Buffer.byteLength(path) < SUN_PATH_BYTES) return use(unixAddress(path));
  const directoryFd = openAt(AT_FDCWD, dirname(path), O_PATH | O_DIRECTORY);
  try {
    return use(unixAddress(`/proc/self/fd/${directoryFd}/${basename(path)}`));
  } finally {
    closeFd(directoryFd);
  }
}

function unixAddress(path: string): Uint8Array {
  const bytes = Buffer.from(path);
  if (bytes.length === 0 || bytes.length >= SUN_PATH_BYTES || bytes.includes(0)) {
    throw new CtrError("InvalidArgument", `socket path ${JSON.stringify(path)}`);
  }
  const address = new Uint8Array(2 + bytes.length + 1);
  address[0] = AF_UNIX;
  address.set(bytes, 2);
  return address;
}
