/**
 * Opening files relative to a directory's descriptor, so that no other process can exchange the directory under
 * us between two calls. Dangerous here: a descriptor that is closed twice may belong to someone else by then.
 *
 * Everything is opened with O_CLOEXEC: a descriptor leaked into a container is a way out of it.
 */
import { checkCall, hasErrno, SysError } from "./errno.ts";
import { cString, LONG, lastErrno, linkOnFirstUse, type Name, SIZE } from "./libc.ts";

/** Stands for the working directory wherever a directory's descriptor is asked for. */
export const AT_FDCWD = -100;
const SYS_OPENAT2 = 437;

const O_CLOEXEC = 0o2000000;
/** A handle on a name alone: opens nothing, follows with O_NOFOLLOW to the link itself. */
export const O_PATH = 0o10000000;
export const O_RDONLY = 0o0;
export const O_WRONLY = 0o1;
export const O_RDWR = 0o2;
export const O_CREAT = 0o100;
export const O_EXCL = 0o200;
export const O_NOCTTY = 0o400;
export const O_TRUNC = 0o1000;
export const O_APPEND = 0o2000;
export const O_NONBLOCK = 0o4000;
/** The two that arm64 numbers otherwise than asm-generic/fcntl.h. */
export const O_DIRECTORY = process.arch === "arm64" ? 0o40000 : 0o200000;
export const O_NOFOLLOW = process.arch === "arm64" ? 0o100000 : 0o400000;
/** A file without a name in the directory that is opened; with O_DIRECTORY, as older kernels need it. */
export const O_TMPFILE = 0o20000000 | O_DIRECTORY;

/** openat2's rules for each step of a path (linux/openat2.h). */
export const RESOLVE_NO_XDEV = 0x01;
export const RESOLVE_NO_MAGICLINKS = 0x02;
export const RESOLVE_NO_SYMLINKS = 0x04;
export const RESOLVE_BENEATH = 0x08;
export const RESOLVE_IN_ROOT = 0x10;

const libc = linkOnFirstUse({
  openat: { args: ["i32", "cstring", "i32", "u32"], returns: "i32" },
  close: { args: ["i32"], returns: "i32" },
  syscall: { args: [LONG, LONG, "cstring", "ptr", SIZE], returns: LONG },
});

/** openat(2); blocks where opening blocks (a FIFO without O_NONBLOCK). Throws `SysError`. */
export function openAt(dirFd: number, name: Name, flags: number, mode = 0): number {
  const path = cString(name);
  for (;;) {
    const fd = libc().openat(dirFd, path, flags | O_CLOEXEC, mode);
    if (fd !== -1) return fd;
    const failure = new SysError(lastErrno(), "openat", name);
    if (failure.errno !== "EINTR") throw failure;
  }
}

const openHow = new Uint32Array(6);

/**
 * openat2(2), from Linux 5.6. Throws `SysError`: ENOSYS (or EPERM, below an old seccomp profile) where there is
 * none, EXDEV when the path leaves what `resolve` allows, ELOOP for a forbidden link.
 *
 * With RESOLVE_IN_ROOT or RESOLVE_BENEATH the kernel answers EAGAIN when a rename anywhere could have let a `..`
 * escape; that is a lost race, not an answer, so it is asked again.
 */
export function openAt2(dirFd: number, name: Name, flags: number, resolve: number, mode = 0): number {
  const path = cString(name);
  openHow[0] = flags | O_CLOEXEC;
  openHow[2] = mode;
  openHow[4] = resolve;
  for (let attempt = 1; ; attempt++) {
    const fd = libc().syscall(SYS_OPENAT2, dirFd, path, openHow, openHow.byteLength);
    if (fd !== -1) return Number(fd);
    const failure = new SysError(lastErrno(), "openat2", name);
    if (failure.errno !== "EINTR" && (failure.errno !== "EAGAIN" || attempt === 1000)) throw failure;
  }
}

let openAt2Works: boolean | undefined;

/** Whether this kernel and its seccomp filter let us call openat2; asked once. */
export function hasOpenAt2(): boolean {
  if (openAt2Works === undefined) {
    try {
      closeFd(openAt2(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0));
      openAt2Works = true;
    } catch (error) {
      if (!hasErrno(error, "ENOSYS", "EPERM")) throw error;
      openAt2Works = false;
    }
  }
  return openAt2Works;
}

/**
 * Closes `fd`. Throws EBADF for one that is not open (somebody's bug) and EIO when late writes failed; the
 * descriptor is gone in any case, so it must not be tried again.
 */
export function closeFd(fd: number): void {
  checkCall(libc().close(fd), "close");
}
