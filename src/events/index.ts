import type { EventLog } from "../core/events.ts";
import { type Bounds, openPublisher } from "./append.ts";

/** Of a state directory, which is made by the first event. */
export function openEventLog(state: string, bounds?: Bounds): EventLog {
  return {
    ...openPublisher(state, bounds),
    async *read(options) {
      const { readEvents } = await import("./read.ts");
      yield* readEvents(state, options);
    },
  };
}
