/** As Go's MarshalIndent with four spaces, `<`, `>` and `&` escaped like there, and a line end. */
export function formatJson(value: unknown): string {
  const text = JSON.stringify(value, undefined, 4) ?? "null";
  return `${text.replaceAll(/[<>&\u2028\u2029]/g, escapeCharacter)}\n`;
}

const escapeCharacter = (character: string): string =>
  `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
