import { constants } from "node:os";
import { UsageError } from "./usage-error.ts";

/** The kernel's first and last that mean nothing by themselves: glibc keeps the two before for threads. */
const REAL_TIME_MIN = 34;
const REAL_TIME_MAX = 64;
/** Names count from the nearer end, as glibc's kill has them: RTMIN+15 is followed by RTMAX-14. */
const NAMED_FROM_MIN = 15;

const NAMED: Readonly<Record<string, number>> = constants.signals;
const NUMBERS: Readonly<Record<string, number>> = {
  ...NAMED,
  SIGCLD: constants.signals.SIGCHLD,
  ...realTimeSignals(),
};

/** `KILL`, `SIGKILL` in any case, `SIGRTMIN+3`, which stops systemd, or a number that the kernel has. */
export function parseSignal(text: string): number {
  const number = /^\d+$/.test(text) ? Number(text) : NUMBERS[`SIG${text.toUpperCase().replace(/^SIG/, "")}`];
  if (!number || number > REAL_TIME_MAX) throw new UsageError(`invalid signal: ${text}`);
  return number;
}

/** For completion: those with a meaning. */
export const signalNames = (): string[] => Object.keys(NAMED);

function realTimeSignals(): Record<string, number> {
  const numbers: Record<string, number> = {};
  for (let number = REAL_TIME_MIN; number <= REAL_TIME_MAX; number++) {
    const [up, down] = [number - REAL_TIME_MIN, REAL_TIME_MAX - number];
    const name = up <= NAMED_FROM_MIN ? `RTMIN${up ? `+${up}` : ""}` : `RTMAX${down ? `-${down}` : ""}`;
    numbers[`SIG${name}`] = number;
  }
  return numbers;
}
