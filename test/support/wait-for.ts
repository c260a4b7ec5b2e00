const POLL_MS = 10;

export interface WaitOptions {
  /** Names the awaited thing in the error. */
  what?: string;
  timeoutMs?: number;
}

/**
 * Polls until the condition answers something truthy, and answers that. A condition that throws counts as not yet
 * true; its last error is the cause when the deadline passes.
 */
export async function waitFor<T>(
  condition: () => T | Promise<T>,
  { what = "the condition", timeoutMs = 10_000 }: WaitOptions = {},
): Promise<NonNullable<T>> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    let cause: unknown;
    try {
      const value = await condition();
      if (value) return value;
    } catch (error) {
      cause = error;
    }
    if (performance.now() > deadline) {
      throw new Error(`${what} did not come true within ${timeoutMs} ms`, { cause });
    }
    await Bun.sleep(POLL_MS);
  }
}
