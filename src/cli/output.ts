import { writeSync } from "node:fs";

/**
 * Writes results to standard output before it returns, whatever the size: a later exit loses nothing. Throws EPIPE
 * when nobody reads any more.
 */
export function writeOut(data: string | Uint8Array): void {
  writeFully(1, data);
}

/** Everything that is no result: warnings, progress, errors. */
export function writeError(text: string): void {
  try {
    writeFully(2, text);
  } catch {
    // Nobody is left to tell.
  }
}

/** Something a user should know although the command goes on. */
export function warn(message: string): void {
  writeError(`ctr: warning: ${message}\n`);
}

const RETRY_MILLISECONDS = 2;
const sleeper = new Int32Array(new SharedArrayBuffer(4));

function writeFully(descriptor: number, data: string | Uint8Array): void {
  const bytes = typeof data === "string" ? Buffer.from(data) : data;
  let written = 0;
  while (written < bytes.length) {
    try {
      written += writeSync(descriptor, bytes, written);
    } catch (error) {
      // Another process that shares the pipe may have made it non-blocking; then a full pipe is no failure.
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
      Atomics.wait(sleeper, 0, 0, RETRY_MILLISECONDS);
    }
  }
}
