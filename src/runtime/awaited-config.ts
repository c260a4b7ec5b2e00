/**
 * config.json while its container is still being made: a FIFO, at which the OCI runtime, started meanwhile, waits for
 * its spec. So nobody waits for the runtime's own start, which takes milliseconds. Whoever removes such a bundle ends
 * the runtime first.
 */
import { makeFifo, openPath, writeNow } from "../sys/descriptors.ts";
import { hasErrno } from "../sys/errno.ts";
import { AT_FDCWD, closeFd, O_NONBLOCK, O_RDWR, O_WRONLY } from "../sys/open.ts";
import { removeFile, replaceSmallFile } from "../sys/small-file.ts";
import { isFifo, statAt } from "../sys/stat.ts";
import { type Bundle, configPath } from "./bundle.ts";

const RETRY_MS = 1;

export function awaitConfig(bundle: Bundle): void {
  makeFifo(configPath(bundle), 0o600);
}

export function isConfigAwaited(bundle: Bundle): boolean {
  try {
    return isFifo(statAt(AT_FDCWD, configPath(bundle)));
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return false;
    throw error;
  }
}

/** Gives it to the runtime that waits there or is about to, and keeps it as a file; to none that has failed. */
export async function giveConfig(bundle: Bundle, text: string, hasFailed: () => boolean): Promise<void> {
  const path = configPath(bundle);
  const fd = await openToReader(path, hasFailed);
  if (fd === undefined) return;
  try {
    // Before its first byte: hooks, and some runtimes, read it once more.
    replaceSmallFile(path, text, 0o600);
    await writeToReader(fd, Buffer.from(text));
  } finally {
    closeFd(fd);
  }
}

/** Nobody will give it: whoever waits there, or still comes to, finds none. */
export function withdrawConfig(bundle: Bundle): void {
  const path = configPath(bundle);
  // Opened for both it waits for nobody, and lets all go on who wait for a writer; they find its end.
  const fd = openPath(path, O_RDWR | O_NONBLOCK);
  removeFile(path);
  closeFd(fd);
}

async function openToReader(path: string, hasFailed: () => boolean): Promise<number | undefined> {
  while (!hasFailed()) {
    try {
      return openPath(path, O_WRONLY | O_NONBLOCK);
    } catch (error) {
      if (!hasErrno(error, "ENXIO")) throw error;
      await Bun.sleep(RETRY_MS);
    }
  }
  return undefined;
}

/** A reader that goes has its own reason, and says it. */
async function writeToReader(fd: number, bytes: Uint8Array): Promise<void> {
  try {
    for (let left = bytes; left.length > 0; ) {
      const count = writeNow(fd, left);
      if (count === undefined) await Bun.sleep(RETRY_MS);
      else left = left.subarray(count);
    }
  } catch (error) {
    if (!hasErrno(error, "EPIPE")) throw error;
  }
}
