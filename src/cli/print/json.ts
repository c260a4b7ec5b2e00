/** As Go's MarshalIndent with four spaces, `<`, `>` and `&` escaped like there, and a line end. */
export function formatJson(value: unknown): string {
  return `${escaped(JSON.stringify(value, undefined, 4) ?? "null")}\n`;
}

/** As Go's Marshal: without any blanks. */
export const compactJson = (value: unknown): string => escaped(JSON.stringify(value) ?? "null");

export const formatJsonLine = (value: unknown): string => `${compactJson(value)}\n`;

const escaped = (text: string): string => text.replaceAll(/[<>&\u2028\u2029]/g, escapeCharacter);

const escapeCharacter = (character: string): string =>
  `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
