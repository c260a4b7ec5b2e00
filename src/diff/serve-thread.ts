import { parentPort } from "node:worker_threads";
import type { Differ } from "../core/differ.ts";
import { CtrError, toErrorMessage } from "../core/errors.ts";
import type { Reply, Request } from "./thread-messages.ts";

const PROGRESS_MS = 50;

/** Does, in a thread, what `openThreads` asks from another. */
export function serveThread({ apply }: Pick<Differ, "apply">): void {
  let stopping = new AbortController();
  parentPort!.on("message", async (request: Request) => {
    if (request.kind === "stop") return stopping.abort(new CtrError("Canceled", "unpacking"));
    stopping = new AbortController();
    const options = { signal: stopping.signal, onProgress: tellNowAndThen() };
    try {
      reply({ kind: "applied", layer: await apply(request.layer, request.onto, options) });
    } catch (error) {
      reply({ kind: "failed", error: toErrorMessage(error) });
    }
  });
}

function tellNowAndThen(): (bytes: number) => void {
  let toldAt = 0;
  return (bytes) => {
    const now = performance.now();
    if (now - toldAt < PROGRESS_MS) return;
    toldAt = now;
    reply({ kind: "progress", bytes });
  };
}

function reply(message: Reply): void {
  parentPort!.postMessage(message);
}
