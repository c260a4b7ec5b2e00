/**
 * config.json while its container is still being made: a FIFO, at which the OCI runtime, started meanwhile, waits for
 * its spec. So nobody waits for the runtime's own start, which takes milliseconds. What is removed with a runtime that
 * still waits kills it.
 */
import { closeSync, lstatSync, openSync, renameSync, unlinkSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { makeFifo } from "../sys/descriptors.ts";
import { asSysError, hasErrno } from "../sys/errno.ts";
import { O_NONBLOCK, O_RDWR, O_WRONLY } from "../sys/open.ts";
import type { Bundle } from "./bundle.ts";

const RETRY_MS = 1;

export function awaitConfig(bundle: Bundle): void {
  makeFifo(pathOf(bundle), 0o600);
}

export function isConfigAwaited(bundle: Bundle): boolean {
  return lstatSync(pathOf(bundle), { throwIfNoEntry: false })?.isFIFO() ?? false;
}

/** Gives it to the runtime that waits there or is about to, and keeps it as a file; to none that has failed. */
export async function giveConfig(bundle: Bundle, text: string, hasFailed: () => boolean): Promise<void> {
  const path = pathOf(bundle);
  const file = `${path}.new`;
  try {
    writeFileSync(file, text, { mode: 0o600 });
    const fd = await openToReader(path, hasFailed);
    if (fd === undefined) return;
    try {
      // Before its first byte: hooks, and some runtimes, read it once more.
      renameSync(file, path);
      await writeToReader(fd, Buffer.from(text));
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    throw asSysError(error);
  }
}

/** Nobody will give it: whoever waits there, or still comes to, finds none. */
export function withdrawConfig(bundle: Bundle): void {
  const path = pathOf(bundle);
  // Opened for both it waits for nobody, and lets all go on who wait for a writer; they find its end.
  const fd = openSync(path, O_RDWR | O_NONBLOCK);
  unlinkSync(path);
  closeSync(fd);
}

const pathOf = ({ path }: Bundle): string => join(path, "config.json");

async function openToReader(path: string, hasFailed: () => boolean): Promise<number | undefined> {
  while (!hasFailed()) {
    try {
      return openSync(path, O_WRONLY | O_NONBLOCK);
    } catch (error) {
      if (!hasErrno(error, "ENXIO")) throw error;
      await Bun.sleep(RETRY_MS);
    }
  }
  return undefined;
}

/** A reader that goes has its own reason, and says it. */
async function writeToReader(fd: number, bytes: Uint8Array): Promise<void> {
  for (let left = bytes; left.length > 0; ) {
    try {
      left = left.subarray(writeSync(fd, left));
    } catch (error) {
      if (hasErrno(error, "EPIPE")) return;
      if (!hasErrno(error, "EAGAIN")) throw error;
      await Bun.sleep(RETRY_MS);
    }
  }
}
