const SHORTEST = 3;
/** Shorter parts of a query are dates, names and sizes, which may stand in any text. */
const SHORTEST_SIGNATURE = 16;
const MARK = "<redacted>";
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]+/g;

/** Remembers what must never be seen, and takes it out of whatever is to be printed: a registry may echo it. */
export class Secrets {
  readonly #known = new Set<string>();

  add(...secrets: string[]): void {
    for (const secret of secrets) if (secret.length >= SHORTEST) this.#known.add(secret);
  }

  /** Of a signed address, whose query is a key to what it names. */
  addSignature(url: URL): void {
    for (const value of url.searchParams.values()) if (value.length >= SHORTEST_SIGNATURE) this.add(value);
  }

  redact(text: string): string {
    let safe = text;
    for (const secret of this.#known) safe = safe.replaceAll(secret, MARK);
    return safe;
  }

  /** A stranger's words on one line: no control characters, nothing secret, not too long. */
  quote(text: string, longest = 200): string {
    const line = this.redact(text).replace(CONTROL, " ").replace(/ +/g, " ").trim();
    return line.length > longest ? `${line.slice(0, longest)}…` : line;
  }
}
