import { readDuration } from "../../core/duration.ts";

/** Go's syntax for values on the command line, so that what the real ctr takes is taken, and nothing less strict. */

/** A value that its flag cannot read; `reason` ends the sentence `invalid value "x" for flag -name: REASON`. */
export class BadValue extends Error {
  readonly reason: string;

  constructor(reason = "parse error") {
    super(reason);
    this.name = "BadValue";
    this.reason = reason;
  }
}

const TRUE = new Set(["1", "t", "T", "TRUE", "true", "True"]);
const FALSE = new Set(["0", "f", "F", "FALSE", "false", "False"]);

export function parseBoolean(text: string): boolean {
  if (TRUE.has(text)) return true;
  if (FALSE.has(text)) return false;
  throw new BadValue();
}

const INTEGER = /^[+-]?(?:0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9][0-9]*)$/;

/** Base 0 of Go's strconv.ParseInt: prefixes 0x, 0b, 0o and 0, underscores between digits. */
export function parseInteger(text: string): number {
  const plain = /^[+-]?\w*[0-9a-fA-F](?:_[0-9a-fA-F]+)*$/.test(text) ? text.replaceAll("_", "") : text;
  if (!INTEGER.test(plain)) throw new BadValue();
  const digits = plain.replace(/^[+-]/, "").replace(/^0(?=[0-7])/, "0o");
  const value = Number(digits);
  if (value > 2 ** 63) throw new BadValue("value out of range");
  return plain.startsWith("-") ? -value : value;
}

/** An element of an integer list: plain decimal, refused with the words of Go's Atoi. */
export function parseIntegerElement(text: string): number {
  if (/^[+-]?[0-9]+$/.test(text)) return Number(text);
  throw new BadValue(`strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`);
}

export function parseFloat64(text: string): number {
  if (/^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/.test(text)) return Number(text);
  throw new BadValue();
}

/** `300ms`, `-1.5h`, `2h45m`, `0`: milliseconds. */
export function parseDuration(text: string): number {
  const duration = readDuration(text);
  if (duration === undefined) throw new BadValue();
  return duration;
}

const SIZE_POWERS = "kmgtp";

/** Bytes: a plain number, or one with K, M, G, T, P or KiB … (powers of 1024), or kB, MB … (powers of 1000). */
export function parseSize(text: string): number {
  const match = /^([0-9]+(?:\.[0-9]+)?)([kKmMgGtTpP])(i?[bB])?$/.exec(text);
  if (!match) {
    const bytes = parseInteger(text);
    if (bytes < 0) throw new BadValue();
    return bytes;
  }
  const [, amount, letter = "", ending] = match;
  const base = ending?.length === 1 ? 1000 : 1024;
  return Math.round(Number(amount) * base ** (SIZE_POWERS.indexOf(letter.toLowerCase()) + 1));
}
