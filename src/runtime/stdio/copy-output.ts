import { closeSync } from "node:fs";
import { hasErrno } from "../../sys/errno.ts";
import type { CallerWriter } from "./caller-end.ts";

/** A stream that is open without anybody writing: a process that outlived its parent, and still has it. */
const SILENCE_MS = 2000;
const LOOK_MS = 100;

export interface OutputCopy {
  /**
   * Once the process has ended: settles when the last byte is written. Normally the stream ends; one that a process
   * left behind holds open is given up after a silence.
   */
  drained(): Promise<void>;
  /** Rejects when the writer fails; nothing else ever settles it. */
  readonly failed: Promise<never>;
  stop(): void;
}

/** Copies what comes out of `fd`, nonblocking and closed by us at the end, to `writer`. */
export function copyOutput(fd: number, writer: CallerWriter): OutputCopy {
  const reader = (Bun.file(fd).stream() as ReadableStream<Uint8Array>).getReader();
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => {});
  let activeAt = performance.now();
  let isWriting = false;

  const copy = async () => {
    for (;;) {
      const { done, value } = await reader.read().catch(endOfTerminal);
      if (done) return;
      isWriting = true;
      await writer.write(value);
      isWriting = false;
      activeAt = performance.now();
    }
  };
  const ended = copy()
    .catch(failed.reject)
    .finally(() => closeSync(fd));
  const stop = () => void reader.cancel().catch(() => {});

  return {
    failed: failed.promise,
    stop,
    async drained() {
      const timer = setInterval(() => {
        if (!isWriting && performance.now() - activeAt > SILENCE_MS) stop();
      }, LOOK_MS);
      activeAt = performance.now();
      await Promise.race([ended, failed.promise]).finally(() => clearInterval(timer));
    },
  };
}

/** How a master tells that the last process has closed its terminal. */
function endOfTerminal(error: unknown): { done: true; value: undefined } {
  if (hasErrno(error, "EIO")) return { done: true, value: undefined };
  throw error;
}
