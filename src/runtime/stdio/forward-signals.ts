import { constants } from "node:os";

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

/** Passes every signal on instead of acting on it; answers what ends that. */
export function forwardSignals(send: (signalNumber: number) => void): () => void {
  const forward = (signal: NodeJS.Signals) => send(constants.signals[signal]);
  for (const signal of FORWARDED) process.on(signal, forward);
  return () => {
    for (const signal of FORWARDED) process.off(signal, forward);
  };
}
