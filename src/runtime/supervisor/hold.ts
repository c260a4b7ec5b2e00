import type { Container } from "./container.ts";

/** The container as one client has it paused. */
export interface Hold {
  begin(): Promise<void>;
  /** Nothing to do without a beginning, also one that failed. */
  end(): Promise<void>;
}

export function createHold(container: Container): Hold {
  let pausing: Promise<boolean> | undefined;
  return {
    async begin() {
      const paused = container.pause();
      pausing = paused.then(
        () => true,
        () => false,
      );
      await paused;
    },
    async end() {
      const isPaused = await pausing;
      pausing = undefined;
      if (isPaused) await container.resume();
    },
  };
}
