/** Bytes at a place in a regular file, whose position stays as it is. */
import { checkCall } from "./errno.ts";
import { LONG, linkOnFirstUse, SIZE } from "./libc.ts";

const libc = linkOnFirstUse({
  pread: { args: ["i32", "ptr", SIZE, LONG], returns: LONG },
  pwrite: { args: ["i32", "ptr", SIZE, LONG], returns: LONG },
  ftruncate: { args: ["i32", LONG], returns: "i32" },
});

/** How many bytes were read into `buffer`; 0 at the end. */
export function readAt(fd: number, buffer: Uint8Array, offset: number): number {
  return checkCall(libc().pread(fd, buffer, buffer.length, offset), "pread");
}

/** How many of `bytes` were written: fewer where the disk is full. */
export function writeAt(fd: number, bytes: Uint8Array, offset: number): number {
  return checkCall(libc().pwrite(fd, bytes, bytes.length, offset), "pwrite");
}

/** Cuts a file off, or lengthens it by a hole. */
export function setFileSize(fd: number, sizeBytes: number): void {
  checkCall(libc().ftruncate(fd, sizeBytes), "ftruncate");
}
