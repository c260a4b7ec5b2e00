/**
 * Holes in files: ranges that take up no blocks and read as zeros. Dangerous here: what is punched out is lost at
 * once, also to those who have the file open.
 */
import { checkCall, hasErrno, SysError } from "./errno.ts";
import { LONG, lastErrno, linkOnFirstUse } from "./libc.ts";

const SEEK_SET = 0;
const SEEK_DATA = 3;
const SEEK_HOLE = 4;
const FALLOC_FL_KEEP_SIZE = 1;
const FALLOC_FL_PUNCH_HOLE = 2;

const libc = linkOnFirstUse({
  lseek: { args: ["i32", LONG, "i32"], returns: LONG },
  fallocate: { args: ["i32", "i32", LONG, LONG], returns: "i32" },
});

/** Where the first bytes at or after `at` are, in whole blocks; `undefined` when there are none. Moves the position. */
export function seekData(fd: number, at: number): number | undefined {
  const found = libc().lseek(fd, at, SEEK_DATA);
  if (found !== -1) return Number(found);
  const failure = new SysError(lastErrno(), "lseek");
  if (hasErrno(failure, "ENXIO")) return undefined;
  throw failure;
}

/** Where the first hole at or after `at` begins, at the latest at the file's end. Moves the position. */
export function seekHole(fd: number, at: number): number {
  return checkCall(libc().lseek(fd, at, SEEK_HOLE), "lseek");
}

export function seekTo(fd: number, at: number): void {
  checkCall(libc().lseek(fd, at, SEEK_SET), "lseek");
}

/** Gives the blocks of the first `lengthBytes` back; the size stays. NotImplemented where the filesystem cannot. */
export function punchHead(fd: number, lengthBytes: number): void {
  const mode = FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE;
  checkCall(libc().fallocate(fd, mode, 0, lengthBytes), "fallocate");
}
