import { CtrError } from "../core/errors.ts";
import type { Pace } from "./options.ts";

/**
 * How long to wait before try number `next` (the first retry is 2), by `Retry-After` where the server names a time
 * (RFC 9110, 10.2.3: seconds or a date). Undefined when it asks for more than we wait.
 */
export function retryDelayMs(next: number, retryAfter: string | null, pace: Pace): number | undefined {
  const doubled = pace.firstDelayMs * 2 ** (next - 2);
  const ours = Math.min(doubled, pace.longestDelayMs) * (0.5 + Math.random() / 2);
  if (!retryAfter) return ours;
  const asked = /^\d+$/.test(retryAfter) ? Number(retryAfter) * 1000 : Date.parse(retryAfter) - Date.now();
  if (!Number.isFinite(asked)) return ours;
  return asked > pace.longestDelayMs ? undefined : Math.max(asked, ours);
}

/** Throws the signal's own `CtrError`, or Canceled, when it is given up meanwhile. */
export async function pause(delayMs: number, signal: AbortSignal | undefined): Promise<void> {
  const { setTimeout: sleep } = await import("node:timers/promises");
  try {
    await sleep(delayMs, undefined, { signal });
  } catch (cause) {
    throw canceled(signal, "waiting to try again", cause);
  }
}

export function canceled(signal: AbortSignal | undefined, subject: string, cause: unknown): CtrError {
  return signal?.reason instanceof CtrError ? signal.reason : new CtrError("Canceled", subject, { cause });
}
