/**
 * Terminals. Dangerous here: raw mode outlives the process that set it; whoever sets it restores it on every way
 * out. Node's setRawMode leaves ONLCR on, which doubles carriage returns when the other side is a terminal too, and
 * its isatty check makes the caller's streams nonblocking.
 *
 * Relies on struct termios (60 bytes on Linux/glibc, taken and given back whole) and struct winsize (four u16).
 */
import { checkCall } from "./errno.ts";
import { linkOnFirstUse } from "./libc.ts";

const TCSANOW = 0;
const TIOCGWINSZ = 0x5413;
const TIOCSWINSZ = 0x5414;
const TERMIOS_BYTES_MAX = 256;

/** A terminal's settings, to be given back unseen. */
export type TerminalSettings = Uint8Array;

export interface WindowSize {
  columns: number;
  rows: number;
}

const libc = linkOnFirstUse({
  isatty: { args: ["i32"], returns: "i32" },
  tcgetattr: { args: ["i32", "ptr"], returns: "i32" },
  tcsetattr: { args: ["i32", "i32", "ptr"], returns: "i32" },
  cfmakeraw: { args: ["ptr"], returns: "void" },
  ioctl: { args: ["i32", "u64", "ptr"], returns: "i32" },
});

export function isTerminal(fd: number): boolean {
  return libc().isatty(fd) === 1;
}

/** Throws FailedPrecondition (ENOTTY) for what is no terminal, as do all below. */
function readTerminalSettings(fd: number): TerminalSettings {
  const settings = new Uint8Array(TERMIOS_BYTES_MAX);
  checkCall(libc().tcgetattr(fd, settings), "tcgetattr");
  return settings;
}

/** At once, dropping nothing that was typed. */
export function writeTerminalSettings(fd: number, settings: TerminalSettings): void {
  checkCall(libc().tcsetattr(fd, TCSANOW, settings), "tcsetattr");
}

/** Lets every byte through, both ways, unchanged and unechoed; returns the settings from before. */
export function makeTerminalRaw(fd: number): TerminalSettings {
  const before = readTerminalSettings(fd);
  const raw = before.slice();
  libc().cfmakeraw(raw);
  writeTerminalSettings(fd, raw);
  return before;
}

export function readWindowSize(fd: number): WindowSize {
  const size = new Uint16Array(4);
  checkCall(libc().ioctl(fd, TIOCGWINSZ, size), "ioctl TIOCGWINSZ");
  return { columns: size[1]!, rows: size[0]! };
}

/** The kernel sends SIGWINCH to the terminal's foreground processes when this changes anything. */
export function writeWindowSize(fd: number, { columns, rows }: WindowSize): void {
  checkCall(libc().ioctl(fd, TIOCSWINSZ, new Uint16Array([rows, columns, 0, 0])), "ioctl TIOCSWINSZ");
}
