import { constants } from "node:os";
import { CtrError } from "../core/errors.ts";

/**
 * Those that somebody may send to a program to tell it something. Not SIGPIPE, SIGCHLD and SIGURG, which concern us
 * alone, nor SIGPWR, by which Bun's collector stops its threads.
 */
const FORWARDED = [
  "SIGHUP",
  "SIGINT",
  "SIGQUIT",
  "SIGTERM",
  "SIGUSR1",
  "SIGUSR2",
  "SIGALRM",
  "SIGVTALRM",
  "SIGCONT",
  "SIGTSTP",
  "SIGTTIN",
  "SIGTTOU",
  "SIGWINCH",
  "SIGIO",
] as const;

/** By these people tell a program to end. */
const ENDING = new Set<number>([
  constants.signals.SIGHUP,
  constants.signals.SIGINT,
  constants.signals.SIGQUIT,
  constants.signals.SIGTERM,
]);

/** Signals that no longer end this process. Disposing gives them back their usual effect. */
export interface HeldSignals extends Disposable {
  /** Passes on those that have come, and all that come. */
  passTo(send: (signalNumber: number) => void): void;
  /** Aborts, as Canceled, when one comes, or has come, by which people end programs. */
  interruption(): AbortSignal;
}

/**
 * Keeps signals for a process that is only being started: one that ended us by then would leave what is half made.
 */
export function holdSignals(): HeldSignals {
  const held: number[] = [];
  let receive = (signalNumber: number): void => void held.push(signalNumber);
  let interrupt = () => {};
  const handle = (signal: NodeJS.Signals) => {
    const signalNumber = constants.signals[signal];
    receive(signalNumber);
    if (ENDING.has(signalNumber)) interrupt();
  };
  for (const signal of FORWARDED) process.on(signal, handle);
  return {
    interruption() {
      const controller = new AbortController();
      interrupt = () => controller.abort(new CtrError("Canceled", "interrupted"));
      if (held.some((signalNumber) => ENDING.has(signalNumber))) interrupt();
      return controller.signal;
    },
    passTo(send) {
      receive = send;
      for (const signalNumber of held.splice(0)) send(signalNumber);
    },
    [Symbol.dispose]() {
      for (const signal of FORWARDED) process.off(signal, handle);
    },
  };
}
