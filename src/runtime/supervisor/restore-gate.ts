/** What a restored container waits at, once its namespaces are there and before any of its processes goes on. */
export interface RestoreGate {
  /** Settles when the container is there; never for one that is not restored. */
  readonly reached: Promise<{ pid: number }>;
  /** For the container: answers when it may go on; throws when it is not wanted any more. */
  pass(pid: number): Promise<void>;
  /** Also before somebody is there. */
  open(): void;
  close(reason: Error): void;
}

export function createRestoreGate(): RestoreGate {
  const arrival = Promise.withResolvers<{ pid: number }>();
  const decision = Promise.withResolvers<void>();
  // Nobody may ever come.
  decision.promise.catch(() => {});
  return {
    reached: arrival.promise,
    pass(pid) {
      arrival.resolve({ pid });
      return decision.promise;
    },
    open: decision.resolve,
    close: decision.reject,
  };
}
