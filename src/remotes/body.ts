import type { CtrError } from "../core/errors.ts";
import { Stalled } from "./connection-errors.ts";

const LEAST_BYTES = 1024;

export interface BodyOptions {
  /** Aborting it ends the connection. */
  ours: AbortController;
  /** In this time at least a kibibyte must come, or the end: a server may not keep us with a byte now and then. */
  stallMs: number;
  failure: (cause: unknown) => CtrError;
}

/** The bytes as they come. Time that the reader takes for itself does not count as the server's. */
export async function* readBody(
  response: Response,
  { ours, stallMs, failure }: BodyOptions,
): AsyncGenerator<Uint8Array> {
  if (!response.body) return;
  const reader = response.body.getReader();
  let isWaiting = false;
  let received = 0;
  const timer = setInterval(() => {
    if (isWaiting && received < LEAST_BYTES) ours.abort(new Stalled(`no data in ${stallMs} ms`));
    received = 0;
  }, stallMs);
  let isEnded = false;
  try {
    for (;;) {
      isWaiting = true;
      const { done, value } = await reader.read();
      isWaiting = false;
      if (done) break;
      received += value.length;
      yield value;
    }
    isEnded = true;
  } catch (cause) {
    throw failure(cause);
  } finally {
    clearInterval(timer);
    if (!isEnded) await reader.cancel().catch(() => {});
  }
}
