/** Starts of processes under way: until each is done, any orphan may be the process that it is making. */
export interface Starts {
  readonly isUnderWay: boolean;
  during<T>(start: Promise<T>): Promise<T>;
}

/** `onIdle` after each start when no other is under way. */
export function createStarts(onIdle: () => void): Starts {
  let count = 0;
  return {
    get isUnderWay() {
      return count > 0;
    },
    async during(start) {
      count++;
      try {
        return await start;
      } finally {
        count--;
        if (count === 0) onIdle();
      }
    },
  };
}
