/**
 * JSON whose integers survive. JavaScript's numbers are exact up to 2^53, but runtime specs hold 64-bit ones:
 * RLIM_INFINITY is 18446744073709551615, and read as a number it is written as 18446744073709552000, which runc
 * refuses. Such an integer becomes a `JSON.rawJSON` object here, which `JSON.stringify` writes as it was read.
 */
interface RawJson {
  rawJSON(text: string): unknown;
  isRawJSON(value: unknown): boolean;
}

type Reviver = (this: unknown, key: string, value: unknown, context: { source?: string }) => unknown;

const { rawJSON: rawJson, isRawJSON } = JSON as unknown as RawJson;

/** Whether it is such an integer. */
export const isRawInteger = (value: unknown): boolean => isRawJSON(value);

/** As `JSON.parse`, which it is for every text without a very long number. Throws SyntaxError. */
export function parseExactJson(text: string): unknown {
  if (!/\d{16}/.test(text)) return JSON.parse(text);
  return (JSON.parse as (text: string, reviver: Reviver) => unknown)(text, keepExact);
}

const keepExact: Reviver = (_key, value, { source }) => {
  const isInexact =
    typeof value === "number" &&
    !Number.isSafeInteger(value) &&
    source !== undefined &&
    /^-?\d+$/.test(source);
  return isInexact ? rawJson(source) : value;
};
