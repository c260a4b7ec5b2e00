import type { RemoteOptions } from "./options.ts";
import { showUrl } from "./origins.ts";
import type { Secrets } from "./secrets.ts";

const SECRET_HEADERS: ReadonlySet<string> = new Set([
  "authorization",
  "proxy-authorization",
  "cookie",
  "set-cookie",
]);
const REDACTED = "<redacted>";
const URL_HEADERS: ReadonlySet<string> = new Set(["location", "content-location", "link"]);

/** Tells `--http-dump` and `--http-trace` what goes over the wire; neither ever sees a credential or a token. */
export class HttpLog {
  readonly #dump: RemoteOptions["dump"];
  readonly #trace: RemoteOptions["trace"];
  readonly #secrets: Secrets;

  constructor({ dump, trace }: RemoteOptions, secrets: Secrets) {
    this.#dump = dump;
    this.#trace = trace;
    this.#secrets = secrets;
  }

  /** `secretNames`: headers besides the usual ones that may hold a key. */
  request(method: string, url: URL, headers: Headers, secretNames: readonly string[] = []): void {
    if (!this.#dump) return;
    const query = url.search && "?…";
    const shown = new Headers(headers);
    for (const name of secretNames) shown.set(name, REDACTED);
    this.#dump(this.#block(`${method} ${url.pathname}${query} HTTP/1.1`, shown, `host: ${url.host}`));
  }

  response(status: number, statusText: string, headers: Headers): void {
    this.#dump?.(this.#block(`HTTP/1.1 ${status} ${statusText}`, headers));
  }

  event(words: string): void {
    this.#trace?.(this.#secrets.quote(words, 500));
  }

  #block(first: string, headers: Headers, ...more: string[]): string {
    const lines = [...headers].map(([name, value]) => `${name}: ${this.#headerValue(name, value)}`);
    return [first, ...more, ...lines].map((line) => this.#secrets.quote(line, 2000)).join("\n");
  }

  #headerValue(name: string, value: string): string {
    if (SECRET_HEADERS.has(name)) return REDACTED;
    if (!URL_HEADERS.has(name) || !value.includes("?")) return value;
    return URL.canParse(value) ? showUrl(new URL(value)) : `${value.slice(0, value.indexOf("?"))}?…`;
  }
}
