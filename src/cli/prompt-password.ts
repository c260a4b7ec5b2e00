import { closeSync, openSync, readSync } from "node:fs";
import { CtrError } from "../core/errors.ts";
import { isTerminal, makeTerminalRaw, writeTerminalSettings } from "../sys/terminal.ts";
import { writeError } from "./output.ts";

const INTERRUPT = 0x03;
const END_OF_INPUT = 0x04;
const BACKSPACES = [0x08, 0x7f];
const LINE_ENDS = [0x0a, 0x0d];

/** Asks at the terminal, showing nothing of what is typed. Throws FailedPrecondition without one, Canceled on Ctrl-C. */
export function promptPassword(): string {
  const terminal = openTerminal();
  // Before the question: who answers it at once must not be echoed.
  const settings = makeTerminalRaw(terminal);
  try {
    writeError("Password: ");
    return readSecret(terminal);
  } finally {
    writeTerminalSettings(terminal, settings);
    closeSync(terminal);
    writeError("\n");
  }
}

function openTerminal(): number {
  if (isTerminal(0)) return openSync("/dev/tty", "r+");
  throw new CtrError("FailedPrecondition", "password cannot be asked for: standard input is no terminal", {
    hint: "give it with --user NAME:PASSWORD",
  });
}

function readSecret(terminal: number): string {
  const typed: number[] = [];
  const byte = new Uint8Array(1);
  while (readSync(terminal, byte) === 1) {
    const code = byte[0]!;
    if (LINE_ENDS.includes(code) || code === END_OF_INPUT) break;
    if (code === INTERRUPT) throw new CtrError("Canceled", "password");
    if (BACKSPACES.includes(code)) dropCharacter(typed);
    else typed.push(code);
  }
  return Buffer.from(typed).toString();
}

/** A whole character of UTF-8: its continuation bytes, then its first. */
function dropCharacter(typed: number[]): void {
  while (((typed.at(-1) ?? 0) & 0xc0) === 0x80) typed.pop();
  typed.pop();
}
