/**
 * The one place where an errno becomes an error code. Numbers are those of the kernel's asm-generic/errno.h
 * (x86-64, arm64, riscv64).
 */
import { CtrError, type ErrorCode } from "../core/errors.ts";
import { lastErrno, type Name, nameText } from "./libc.ts";

const ERRNOS = {
  EPERM: [1, "operation not permitted", "PermissionDenied"],
  ENOENT: [2, "no such file or directory", "NotFound"],
  ESRCH: [3, "no such process", "NotFound"],
  EINTR: [4, "interrupted system call", "Unavailable"],
  EIO: [5, "input/output error", "DataLoss"],
  ENXIO: [6, "no such device or address", "NotFound"],
  E2BIG: [7, "argument list too long", "InvalidArgument"],
  EBADF: [9, "bad file descriptor", "InvalidArgument"],
  ECHILD: [10, "no child processes", "NotFound"],
  EAGAIN: [11, "resource temporarily unavailable", "Unavailable"],
  ENOMEM: [12, "cannot allocate memory", "ResourceExhausted"],
  EACCES: [13, "permission denied", "PermissionDenied"],
  EFAULT: [14, "bad address", "InvalidArgument"],
  ENOTBLK: [15, "block device required", "InvalidArgument"],
  EBUSY: [16, "device or resource busy", "FailedPrecondition"],
  EEXIST: [17, "file exists", "AlreadyExists"],
  EXDEV: [18, "invalid cross-device link", "FailedPrecondition"],
  ENODEV: [19, "no such device", "NotFound"],
  ENOTDIR: [20, "not a directory", "FailedPrecondition"],
  EISDIR: [21, "is a directory", "FailedPrecondition"],
  EINVAL: [22, "invalid argument", "InvalidArgument"],
  ENFILE: [23, "too many open files in system", "ResourceExhausted"],
  EMFILE: [24, "too many open files", "ResourceExhausted"],
  ENOTTY: [25, "inappropriate ioctl for device", "FailedPrecondition"],
  ETXTBSY: [26, "text file busy", "FailedPrecondition"],
  EFBIG: [27, "file too large", "ResourceExhausted"],
  ENOSPC: [28, "no space left on device", "ResourceExhausted"],
  ESPIPE: [29, "illegal seek", "InvalidArgument"],
  EROFS: [30, "read-only file system", "FailedPrecondition"],
  EMLINK: [31, "too many links", "ResourceExhausted"],
  EPIPE: [32, "broken pipe", "Unavailable"],
  ERANGE: [34, "numerical result out of range", "InvalidArgument"],
  EDEADLK: [35, "resource deadlock avoided", "FailedPrecondition"],
  ENAMETOOLONG: [36, "file name too long", "InvalidArgument"],
  ENOLCK: [37, "no locks available", "ResourceExhausted"],
  ENOSYS: [38, "function not implemented", "NotImplemented"],
  ENOTEMPTY: [39, "directory not empty", "FailedPrecondition"],
  ELOOP: [40, "too many levels of symbolic links", "FailedPrecondition"],
  ENODATA: [61, "no data available", "NotFound"],
  EOVERFLOW: [75, "value too large for defined data type", "InvalidArgument"],
  EUSERS: [87, "too many users", "ResourceExhausted"],
  ENOTSOCK: [88, "socket operation on non-socket", "InvalidArgument"],
  EPROTO: [71, "protocol error", "Unavailable"],
  EOPNOTSUPP: [95, "operation not supported", "NotImplemented"],
  EADDRINUSE: [98, "address already in use", "AlreadyExists"],
  EADDRNOTAVAIL: [99, "cannot assign requested address", "InvalidArgument"],
  ENETUNREACH: [101, "network is unreachable", "Unavailable"],
  ECONNABORTED: [103, "software caused connection abort", "Unavailable"],
  ECONNRESET: [104, "connection reset by peer", "Unavailable"],
  ENOTCONN: [107, "transport endpoint is not connected", "Unavailable"],
  ETIMEDOUT: [110, "connection timed out", "DeadlineExceeded"],
  ECONNREFUSED: [111, "connection refused", "Unavailable"],
  EHOSTUNREACH: [113, "no route to host", "Unavailable"],
  EALREADY: [114, "operation already in progress", "Unavailable"],
  EINPROGRESS: [115, "operation now in progress", "Unavailable"],
  ESTALE: [116, "stale file handle", "Unavailable"],
  EUCLEAN: [117, "structure needs cleaning", "DataLoss"],
  EDQUOT: [122, "disk quota exceeded", "ResourceExhausted"],
} as const satisfies Record<string, readonly [number, string, ErrorCode]>;

export type Errno = keyof typeof ERRNOS;

/** A system call that failed: `openat "etc/passwd": no such file or directory`. */
export class SysError extends CtrError {
  /** `ENOENT`; for one that the table lacks, `E` and its number. */
  readonly errno: Errno | `E${number}`;
  readonly syscall: string;
  readonly path: string | undefined;

  constructor(errno: SysError["errno"] | number, syscall: string, path?: Name, cause?: unknown) {
    const name = typeof errno === "string" ? errno : nameOfErrno(errno);
    const [, words, code] = isKnown(name) ? ERRNOS[name] : [0, `errno ${errno}`, "Unknown" as const];
    const subject = path === undefined ? syscall : `${syscall} ${JSON.stringify(nameText(path))}`;
    super(code, subject, { cause, hint: hintFor(name) });
    this.message = `${subject}: ${words}`;
    this.name = "SysError";
    this.errno = name;
    this.syscall = syscall;
    this.path = path === undefined ? undefined : nameText(path);
  }
}

/** `result`, unless it is the -1 of a failed call: then throws its `SysError`. Nothing may run in between. */
export function checkCall(result: number | bigint, syscall: string, path?: Name): number {
  if (result === -1) throw new SysError(lastErrno(), syscall, path);
  return result as number;
}

/**
 * What one of Node's functions threw, as a `SysError`; `subject` stands in when it names no path. Anything that is
 * not a failed system call comes back as it is.
 */
export function asSysError(error: unknown, subject?: string): unknown {
  if (error instanceof CtrError || !(error instanceof Error)) return error;
  const { code, syscall, path } = error as NodeJS.ErrnoException;
  if (code === undefined || !isKnown(code)) return error;
  return new SysError(code, syscall ?? "call", path ?? subject, error);
}

/** Whether `error`, a `SysError` or one of Node's, is one of these failures. */
export function hasErrno(error: unknown, ...names: Errno[]): boolean {
  if (error instanceof SysError) return (names as string[]).includes(error.errno);
  if (error instanceof CtrError || !(error instanceof Error)) return false;
  return (names as string[]).includes((error as NodeJS.ErrnoException).code ?? "");
}

function isKnown(name: string): name is Errno {
  return Object.hasOwn(ERRNOS, name);
}

function nameOfErrno(errno: number): Errno | `E${number}` {
  for (const name of Object.keys(ERRNOS) as Errno[]) if (ERRNOS[name][0] === errno) return name;
  return `E${errno}`;
}

function hintFor(name: string): string | undefined {
  switch (name) {
    case "EACCES":
    case "EPERM":
      return process.geteuid?.() === 0 ? undefined : "run it as root, for example with sudo";
    case "ENOSPC":
      return "free some disk space or inodes, then try again";
    case "EDQUOT":
      return "free some disk space or raise the quota, then try again";
    case "EMFILE":
      return "raise the limit on open files: ulimit -n";
    case "ENFILE":
      return "raise the kernel's limit on open files: sysctl fs.file-max";
    default:
      return undefined;
  }
}
