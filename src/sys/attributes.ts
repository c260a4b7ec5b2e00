/**
 * Owner, mode and times, exactly as an archive has them. Dangerous here: chown clears setuid bits and file
 * capabilities, so the order is owner, mode, xattrs, times last.
 */
import { checkCall } from "./errno.ts";
import { cString, linkOnFirstUse, type Name } from "./libc.ts";

const AT_SYMLINK_NOFOLLOW = 0x100;
const UTIME_OMIT = (1 << 30) - 2;

/** A moment since 1970; seconds may be negative or beyond 2038, nanoseconds are 0 to 999999999. */
export interface FileTime {
  seconds: number;
  nanoseconds: number;
}

const libc = linkOnFirstUse({
  fchownat: { args: ["i32", "cstring", "u32", "u32", "i32"], returns: "i32" },
  fchown: { args: ["i32", "u32", "u32"], returns: "i32" },
  fchmod: { args: ["i32", "u32"], returns: "i32" },
  fchmodat: { args: ["i32", "cstring", "u32", "i32"], returns: "i32" },
  utimensat: { args: ["i32", "cstring", "ptr", "i32"], returns: "i32" },
  futimens: { args: ["i32", "ptr"], returns: "i32" },
});

/** Changes the owner of `name` itself, never of what it links to. */
export function chownAt(dirFd: number, name: Name, uid: number, gid: number): void {
  checkCall(libc().fchownat(dirFd, cString(name), uid, gid, AT_SYMLINK_NOFOLLOW), "fchownat", name);
}

export function chownFd(fd: number, uid: number, gid: number): void {
  checkCall(libc().fchown(fd, uid, gid), "fchown");
}

/** Sets the permission bits (0 to 07777) of an open file, whatever the umask. EBADF for an O_PATH descriptor. */
export function chmodFd(fd: number, mode: number): void {
  checkCall(libc().fchmod(fd, mode), "fchmod");
}

/**
 * Sets the permission bits of `name` itself. EOPNOTSUPP for a symbolic link, which has none. Three system calls
 * before Linux 6.6, and then /proc must be mounted: prefer `chmodFd` where a descriptor is at hand.
 */
export function chmodAt(dirFd: number, name: Name, mode: number): void {
  checkCall(libc().fchmodat(dirFd, cString(name), mode, AT_SYMLINK_NOFOLLOW), "fchmodat", name);
}

/** Two struct timespec, each field in halves so that no BigInt is made: low and high half of the seconds, then nanoseconds. */
const timespecs = new Int32Array(8);

/** Sets the times of `name` itself; `undefined` leaves one alone. A filesystem may clamp what it cannot store. */
export function setTimesAt(dirFd: number, name: Name, accessed?: FileTime, modified?: FileTime): void {
  fillTimespec(0, accessed);
  fillTimespec(4, modified);
  checkCall(libc().utimensat(dirFd, cString(name), timespecs, AT_SYMLINK_NOFOLLOW), "utimensat", name);
}

export function setTimesFd(fd: number, accessed?: FileTime, modified?: FileTime): void {
  fillTimespec(0, accessed);
  fillTimespec(4, modified);
  checkCall(libc().futimens(fd, timespecs), "futimens");
}

function fillTimespec(at: number, time: FileTime | undefined): void {
  const seconds = time?.seconds ?? 0;
  timespecs[at] = seconds;
  timespecs[at + 1] = Math.floor(seconds / 2 ** 32);
  timespecs[at + 2] = time?.nanoseconds ?? UTIME_OMIT;
  timespecs[at + 3] = 0;
}
