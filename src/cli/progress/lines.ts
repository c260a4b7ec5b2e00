import { writeError } from "../output.ts";
import type { Progress } from "./open-progress.ts";
import { createTally } from "./tally.ts";

const FIRST_MILLISECONDS = 2_000;
const RAREST_MILLISECONDS = 30_000;

/**
 * For logs: a line on standard error after two seconds, then ever less often, and one at the end. What is done sooner
 * says nothing: a script that always did so in silence goes on in silence.
 */
export function openLines(): Progress {
  const tally = createTally(Date.now());
  let waitMs = FIRST_MILLISECONDS;
  let hasSpoken = false;
  const speak = () => writeError(`${tally.line(Date.now())}\n`);
  const next = () => {
    speak();
    hasSpoken = true;
    waitMs = Math.min(waitMs * 2, RAREST_MILLISECONDS);
    timer = setTimeout(next, waitMs);
  };
  let timer = setTimeout(next, waitMs);
  return {
    isLive: false,
    onProgress: tally.update,
    [Symbol.dispose]() {
      clearTimeout(timer);
      if (hasSpoken) speak();
    },
  };
}
