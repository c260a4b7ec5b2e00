import type { Worker } from "node:worker_threads";
import type { ApplyOptions, Differ } from "../core/differ.ts";
import { CtrError, fromErrorMessage } from "../core/errors.ts";
import type { Reply, Request } from "./thread-messages.ts";

/** Writes layers into trees that need no mount, several side by side. */
export interface Threads extends Pick<Differ, "apply">, Disposable {}

/** For a smaller layer another thread beside one that runs does not pay. */
const WORTH_ANOTHER_THREAD_BYTES = 1 << 20;

/** Up to `width` threads, begun by `start` when there is work for them: what each runs calls `serveThread`. */
export function openThreads(width: number, start: () => Worker): Threads {
  const workers = new Set<Worker>();
  const idle: Worker[] = [];
  const waiting: (() => void)[] = [];
  const claim = async (sizeBytes: number): Promise<Worker> => {
    const most = sizeBytes < WORTH_ANOTHER_THREAD_BYTES ? 1 : width;
    while (idle.length === 0 && workers.size >= most) {
      await new Promise<void>((resolve) => waiting.push(resolve));
    }
    const worker = idle.pop() ?? start();
    workers.add(worker);
    return worker;
  };
  return {
    async apply(layer, onto, options = {}) {
      const worker = await claim(layer.size);
      try {
        const reply = await ask(worker, { kind: "apply", layer, onto }, options);
        idle.push(worker);
        if (reply.kind === "applied") return reply.layer;
        throw options.signal?.aborted ? options.signal.reason : failureOf(reply);
      } finally {
        if (!idle.includes(worker)) workers.delete(worker);
        waiting.shift()?.();
      }
    },
    [Symbol.dispose]() {
      for (const worker of workers) worker.terminate();
    },
  };
}

function failureOf(reply: Reply): CtrError {
  if (reply.kind === "failed") return fromErrorMessage(reply.error);
  return new CtrError("Unknown", `unpacking thread answered ${reply.kind}`);
}

/**
 * Answers once the thread is done, also when it was stopped: nobody writes into the tree any more then. Throws when the
 * thread itself has failed. Only while it works does it keep the process alive.
 */
function ask(worker: Worker, request: Request, { signal, onProgress }: ApplyOptions): Promise<Reply> {
  const { promise, resolve, reject } = Promise.withResolvers<Reply>();
  const stop = () => worker.postMessage({ kind: "stop" } satisfies Request);
  const hear = (reply: Reply) => {
    if (reply.kind === "progress") onProgress?.(reply.bytes);
    else resolve(reply);
  };
  const fail = (error: Error) => reject(new CtrError("Unknown", `unpacking thread: ${error.message}`));
  const end = () => reject(new CtrError("Unknown", "unpacking thread ended"));
  worker.on("message", hear).on("error", fail).on("exit", end).ref();
  worker.postMessage(request);
  signal?.addEventListener("abort", stop);
  if (signal?.aborted) stop();
  return promise.finally(() => {
    signal?.removeEventListener("abort", stop);
    worker.off("message", hear).off("error", fail).off("exit", end).unref();
  });
}
