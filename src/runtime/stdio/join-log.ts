import { join } from "node:path";
import type { CallerStreams } from "../../core/task.ts";
import { hasErrno } from "../../sys/errno.ts";
import { type Bundle, findRecord, writeRecord } from "../bundle.ts";
import { openCallerWriter } from "./caller-end.ts";
import type { Join } from "./join-fifos.ts";
import { openLog } from "./log-file.ts";

const LOOK_MS = 20;

/**
 * Joins the caller with a detached task: its stdin by the FIFO (`stdin`), its output from the log, beginning where
 * the last attachment ended, as bytes once read from a FIFO are gone.
 */
export function joinLog(bundle: Bundle, logPath: string, stdin: Join, streams: CallerStreams): Join {
  const log = openLog(logPath, readOffset(bundle));
  const writer = openCallerWriter(streams.stdout);
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => {});
  let isEnding = false;
  let isClosed = false;
  let copied: Promise<void> = Promise.resolve();

  const copy = async () => {
    while (!isClosed) {
      // Asked before the log is read: what is written until then is read.
      const isLast = isEnding;
      for (let bytes = log.read(); bytes !== undefined && !isClosed; bytes = log.read()) {
        await writer.write(bytes);
        writeOffset(bundle, log.offset);
      }
      if (isLast) return;
      await Bun.sleep(LOOK_MS);
    }
  };
  return {
    failed: Promise.race([failed.promise, stdin.failed]),
    begin(process) {
      stdin.begin(process);
      copied = copy().catch(failed.reject);
    },
    async drained() {
      isEnding = true;
      await Promise.race([copied, failed.promise]);
    },
    close() {
      isClosed = true;
      stdin.close();
      void copied.finally(() => {
        log[Symbol.dispose]();
        writer[Symbol.dispose]();
      });
    },
  };
}

function offsetPath(bundle: Bundle): string {
  return join(bundle.path, "attached.json");
}

function readOffset(bundle: Bundle): number {
  const offset = findRecord<{ offset: number }>(offsetPath(bundle))?.offset;
  return Number.isSafeInteger(offset) ? offset! : 0;
}

function writeOffset(bundle: Bundle, offset: number): void {
  try {
    writeRecord(offsetPath(bundle), { offset });
  } catch (error) {
    // The task was deleted while its last words are on their way.
    if (!hasErrno(error, "ENOENT")) throw error;
  }
}
