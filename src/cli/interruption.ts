const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/** Aborts when the user, or a service manager, ends a command that would go on for ever: its good end. */
export function interruption(): { signal: AbortSignal } & Disposable {
  const controller = new AbortController();
  const abort = () => controller.abort();
  for (const signal of SIGNALS) process.on(signal, abort);
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      for (const signal of SIGNALS) process.off(signal, abort);
    },
  };
}
