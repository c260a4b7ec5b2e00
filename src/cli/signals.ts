import { constants } from "node:os";
import { UsageError } from "./usage-error.ts";

const NUMBERS: Readonly<Record<string, number>> = constants.signals;

/** `KILL`, `SIGKILL` in any case, or a number but 0: which the runtime judges, since it may know more of them. */
export function parseSignal(text: string): number {
  const number = /^\d+$/.test(text) ? Number(text) : NUMBERS[`SIG${text.toUpperCase().replace(/^SIG/, "")}`];
  if (!number) throw new UsageError(`invalid signal: ${text}`);
  return number;
}

export const signalNames = (): string[] => Object.keys(NUMBERS);
