/** A piece of a filter. `at` is where it starts, for the parse error's arrow. */
export interface FilterToken {
  kind: "field" | "value" | "quoted" | "separator" | "operator" | "illegal" | "end" | "other";
  text: string;
  at: number;
}

const FIELD = /[A-Za-z0-9_-]/;
const VALUE = /[^,\s\p{C}]/u;
const SPACE = /\s/;
const SINGLE_ESCAPES = "abfnrtv\\";
const NUMERIC_ESCAPES: Readonly<Record<string, readonly [digits: number, base: RegExp]>> = {
  x: [2, /[0-9a-fA-F]/],
  u: [4, /[0-9a-fA-F]/],
  U: [8, /[0-9a-fA-F]/],
};

/** Cuts a filter into tokens by containerd's rules, where the same letters are a field before an operator and a value after it. */
export class FilterScanner {
  readonly #input: string;
  #at = 0;
  #wantsValue = false;
  /** The first thing found wrong: what an `illegal` token is about. */
  complaint = "";

  constructor(input: string) {
    this.#input = input;
  }

  /** The next character without taking it: empty at the end. Blanks are not skipped. */
  peek(): string {
    const point = this.#input.codePointAt(this.#at);
    return point === undefined ? "" : String.fromCodePoint(point);
  }

  get position(): number {
    return this.#at;
  }

  scan(): FilterToken {
    while (SPACE.test(this.peek())) this.#take();
    const at = this.#at;
    const kind = this.#scanKind(this.#take());
    return { kind, text: this.#input.slice(at, this.#at), at };
  }

  #scanKind(first: string): FilterToken["kind"] {
    if (first === "") return "end";
    if (first === "\0") return this.#complain("unexpected null");
    if ('/|"'.includes(first)) return this.#scanQuoted(first) ? "quoted" : "illegal";
    if (",.".includes(first)) {
      this.#wantsValue = false;
      return "separator";
    }
    if ("=!~".includes(first)) {
      this.#takeWhile(/[=!~]/);
      this.#wantsValue = true;
      return "operator";
    }
    if (this.#wantsValue) {
      this.#takeWhile(VALUE);
      this.#wantsValue = false;
      return "value";
    }
    if (!FIELD.test(first)) return "other";
    this.#takeWhile(FIELD);
    return "field";
  }

  #scanQuoted(quote: string): boolean {
    let isLegal = true;
    for (let character = this.#take(); character !== quote; character = this.#take()) {
      if (character === "" || character === "\n") {
        this.#complain("quoted literal not terminated");
        return false;
      }
      if (character === "\\" && !this.#scanEscape(quote)) isLegal = false;
    }
    return isLegal;
  }

  #scanEscape(quote: string): boolean {
    const letter = this.peek();
    if (/[0-7]/.test(letter)) return this.#scanDigits(3, /[0-7]/);
    if (letter !== "" && (letter === quote || SINGLE_ESCAPES.includes(letter))) {
      this.#take();
      return true;
    }
    const numeric = NUMERIC_ESCAPES[letter];
    if (!numeric) {
      this.#complain("illegal escape sequence");
      return false;
    }
    this.#take();
    return this.#scanDigits(...numeric);
  }

  #scanDigits(count: number, base: RegExp): boolean {
    for (let left = count; left > 0; left--) {
      if (!base.test(this.peek())) {
        this.#complain("illegal numeric escape sequence");
        return false;
      }
      this.#take();
    }
    return true;
  }

  #take(): string {
    const character = this.peek();
    this.#at += character.length;
    return character;
  }

  #takeWhile(allowed: RegExp): void {
    while (allowed.test(this.peek())) this.#take();
  }

  #complain(what: string): "illegal" {
    this.complaint ||= what;
    return "illegal";
  }
}

/** What a quoted token says; undefined when its escapes make no sense. `\x` and octal escapes are bytes of UTF-8. */
export function unquote(quoted: string): string | undefined {
  const quote = quoted[0]!;
  const bytes: Buffer[] = [];
  const body = quoted.slice(1, -1);
  const parts = /\\(?:([0-7]{3})|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))|([^\\]+)/gsu;
  for (const [, octal, hex, short, long, escaped, plain] of body.matchAll(parts)) {
    const byte = octal ? Number.parseInt(octal, 8) : hex ? Number.parseInt(hex, 16) : undefined;
    const point = short ?? long;
    if (byte !== undefined && byte > 255) return undefined;
    if (byte !== undefined) bytes.push(Buffer.from([byte]));
    else if (point) {
      if (Number.parseInt(point, 16) > 0x10ffff) return undefined;
      bytes.push(Buffer.from(String.fromCodePoint(Number.parseInt(point, 16))));
    } else bytes.push(Buffer.from(plain ?? plainEscape(escaped!, quote)));
  }
  return Buffer.concat(bytes).toString();
}

function plainEscape(letter: string, quote: string): string {
  if (letter === quote || letter === "\\") return letter;
  return { a: "\x07", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v" }[letter] ?? letter;
}
