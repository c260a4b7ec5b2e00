import { CtrError } from "./errors.ts";
import { FilterScanner, type FilterToken, unquote } from "./filter-scanner.ts";

/**
 * containerd's filters, the arguments of the listings:
 *
 *     filter   := selector ("," selector)*           all must match
 *     selector := path [operator value]              a path alone: the field is there
 *     path     := field ("." field)*
 *     field    := quoted | [A-Za-z0-9_-]+
 *     operator := "==" | "!=" | "~="                 ~= is a regular expression
 *     value    := quoted | anything up to a comma or blank
 *     quoted   := "…" with Go's escapes; after ~= also /…/ and |…|
 *
 * Several filters: one must match. No filter, or an empty one, matches everything.
 */

/** What a record has at a field path; undefined when there is no such field. */
export type FieldOf<T> = (record: T, path: readonly string[]) => string | undefined;

interface Selector {
  path: readonly string[];
  matches: (value: string | undefined) => boolean;
}

/** containerd reads them as quotes of patterns, wherever they stand. */
const PATTERN_QUOTES = new Set(["/", "|"]);
const QUOTE_HINT = `what has / or | in it needs quotes, as in 'labels."a/b"=="/c"'`;

/** Throws InvalidArgument, `filters: parse error: [before >|HERE|< after]: why`. */
export function compileFilters<T>(
  filters: readonly string[] | undefined,
  fieldOf: FieldOf<T>,
): (record: T) => boolean {
  if (!filters || filters.length === 0) return () => true;
  const alternatives = filters.map((filter) => (filter === "" ? [] : new FilterParser(filter).parse()));
  return (record) =>
    alternatives.some((selectors) => selectors.every(({ path, matches }) => matches(fieldOf(record, path))));
}

/** The value of `labels.KEY` or `annotations.KEY`; dots in the key need no quotes. */
export function mapField(map: Readonly<Record<string, string>>, keyPath: readonly string[]) {
  const key = keyPath.join(".");
  return Object.hasOwn(map, key) ? map[key] : undefined;
}

class FilterParser {
  readonly #input: string;
  readonly #scanner: FilterScanner;

  constructor(input: string) {
    this.#input = input;
    this.#scanner = new FilterScanner(input);
  }

  parse(): Selector[] {
    const selectors = [this.#selector()];
    for (let next = this.#scanner.peek(); next !== ""; next = this.#scanner.peek()) {
      if (next !== ",") {
        throw this.#error(this.#scanner.position, `unexpected input: ${next}`);
      }
      this.#scanner.scan();
      selectors.push(this.#selector());
    }
    return selectors;
  }

  #selector(): Selector {
    const path = this.#path();
    const next = this.#scanner.peek();
    if (next === "" || next === ",") return { path, matches: (value) => value !== undefined };
    const operator = this.#operator();
    const wanted = this.#value(operator === "~=");
    if (operator === "==") return { path, matches: (value) => value === wanted };
    // As in containerd, a field that is not there differs from every value and is empty to a pattern.
    if (operator === "!=") return { path, matches: (value) => (value ?? "") !== wanted };
    const pattern = compilePattern(wanted);
    return { path, matches: (value) => pattern?.test(value ?? "") ?? false };
  }

  #path(): string[] {
    const path = [this.#field()];
    while (this.#scanner.peek() === ".") {
      this.#scanner.scan();
      path.push(this.#field());
    }
    return path;
  }

  #field(): string {
    const token = this.#scanner.scan();
    if (token.kind === "field") return token.text;
    if (token.kind === "quoted") return this.#unquote(token, false);
    throw this.#unexpected(token, "expected field or quoted");
  }

  #operator(): string {
    const token = this.#scanner.scan();
    if (token.kind !== "operator") {
      throw this.#unexpected(token, 'expected an operator ("=="|"!="|"~=")');
    }
    if (["==", "!=", "~="].includes(token.text)) return token.text;
    throw this.#error(token.at, `unsupported operator ${JSON.stringify(token.text)}`);
  }

  #value(takesPatternQuotes: boolean): string {
    const token = this.#scanner.scan();
    if (token.kind === "value" || token.kind === "field") return token.text;
    if (token.kind === "quoted") return this.#unquote(token, takesPatternQuotes);
    throw this.#unexpected(token, "expected value or quoted");
  }

  #unquote(token: FilterToken, takesPatternQuotes: boolean): string {
    if (!takesPatternQuotes && token.text[0] !== '"') {
      throw this.#error(token.at, "invalid quote encountered");
    }
    const text = unquote(token.text);
    if (text === undefined) throw this.#error(token.at, "unquoting failed: quote syntax error");
    return text;
  }

  #unexpected(token: FilterToken, expectation: string): CtrError {
    return this.#error(token.at, token.kind === "illegal" ? this.#scanner.complaint : expectation);
  }

  #error(at: number, why: string): CtrError {
    const point = this.#input.codePointAt(at);
    const here = point === undefined ? "" : String.fromCodePoint(point);
    const where = here
      ? `[${this.#input.slice(0, at)} >|${here}|< ${this.#input.slice(at + here.length)}]`
      : `[${this.#input}]`;
    const hint = PATTERN_QUOTES.has(here) ? QUOTE_HINT : undefined;
    return new CtrError("InvalidArgument", `filters: parse error: ${where}: ${why}`, { hint });
  }
}

/** Go's syntax as far as ours goes, with leading `(?ims)`; like containerd, a pattern that is none matches nothing. */
function compilePattern(source: string): RegExp | undefined {
  const [prefix = "", flags = ""] = /^\(\?([ims]+)\)/.exec(source) ?? [];
  try {
    return new RegExp(source.slice(prefix.length), flags);
  } catch {
    return undefined;
  }
}
