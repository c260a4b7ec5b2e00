import { closeSync, openSync, read } from "node:fs";
import { promisify } from "node:util";
import type { Digester } from "../core/digester.ts";
import { asSysError } from "../sys/errno.ts";

const READ_BYTES = 1024 * 1024;
const readAt = promisify(read);

/** Takes in all that the file holds, reading ahead while it hashes. Answers the length. Throws `SysError`. */
export async function hashFile(path: string, digester: Digester): Promise<number> {
  let fd: number | undefined;
  try {
    fd = openSync(path, "r");
    return await hashFd(fd, digester);
  } catch (error) {
    throw asSysError(error, path);
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/** The same from the beginning of an open file, whose position stays. Throws what Node throws. */
export async function hashFd(fd: number, digester: Digester): Promise<number> {
  let current = Buffer.allocUnsafe(READ_BYTES);
  let next = Buffer.allocUnsafe(READ_BYTES);
  let at = 0;
  let reading = readAt(fd, current, 0, READ_BYTES, 0);
  for (;;) {
    const { bytesRead } = await reading;
    if (bytesRead === 0) return at;
    at += bytesRead;
    reading = readAt(fd, next, 0, READ_BYTES, at);
    digester.update(current.subarray(0, bytesRead));
    [current, next] = [next, current];
  }
}
