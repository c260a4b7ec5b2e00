/** Children that Bun started and reaps itself. While a runtime is at work, any orphan may be what it is making. */
export interface RuntimeCalls {
  readonly isAtWork: boolean;
  /** Never to be reaped by us. */
  readonly pids: ReadonlySet<number>;
  during<T>(call: Promise<T>): Promise<T>;
  /** Of a program that stays, such as a logger. */
  add(pid: number): void;
}

/** `onIdle` after each call when no other is at work. */
export function createRuntimeCalls(onIdle: () => void): RuntimeCalls {
  const pids = new Set<number>();
  let count = 0;
  return {
    get isAtWork() {
      return count > 0;
    },
    pids,
    async during(call) {
      count++;
      try {
        return await call;
      } finally {
        count--;
        if (count === 0) onIdle();
      }
    },
    add: (pid) => void pids.add(pid),
  };
}
