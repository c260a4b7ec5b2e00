import { isAbsolute, join, normalize } from "node:path";
import { readDuration } from "../core/duration.ts";
import { CtrError } from "../core/errors.ts";
import { quote } from "../core/quote.ts";
import { isHeader } from "./header.ts";
import { CAPABILITIES, type Capability } from "./hosts.ts";

/** What a `hosts.toml` says of one host, or at its top of the registry itself: containerd's docs/hosts.md. */
export interface HostEntry {
  /** Without a slash at the end. Undefined at the top of a file without `server`. */
  base?: string;
  capabilities: readonly Capability[];
  caFiles: readonly string[];
  clientPairs: readonly { certFile: string; keyFile: string }[];
  skipVerify: boolean;
  headers: Readonly<Record<string, string>>;
  dialTimeoutMs?: number;
}

type Table = Readonly<Record<string, unknown>>;

/**
 * The hosts in the order of the file, the registry itself last. Relative paths start at `directory`. Throws
 * InvalidArgument, naming the file and the field.
 */
export async function parseHostsFile(text: string, directory: string): Promise<HostEntry[]> {
  const file = join(directory, "hosts.toml");
  const { parse } = await import("smol-toml");
  let document: Table;
  try {
    document = parse(text) as Table;
  } catch (cause) {
    const words = cause instanceof Error ? (cause.message.split("\n")[0] ?? "") : "";
    throw new CtrError("InvalidArgument", `${file}: ${words}`, { cause });
  }
  const hosts = table(document.host, `${file}: host`);
  const entries = Object.entries(hosts).map(([address, fields]) => {
    const subject = `${file}: host ${quote(address)}`;
    return readEntry(address, table(fields, subject), directory, subject);
  });
  const server = optionalText(document.server, `${file}: server`);
  return [...entries, readEntry(server, document, directory, file)];
}

function readEntry(
  address: string | undefined,
  fields: Table,
  directory: string,
  subject: string,
): HostEntry {
  const at = (path: string) => (isAbsolute(path) ? path : join(directory, path));
  const overridePath = flag(fields.override_path, `${subject}: override_path`);
  return {
    base: address ? baseOf(address, overridePath, subject) : undefined,
    capabilities: readCapabilities(fields.capabilities, subject),
    caFiles: texts(fields.ca, `${subject}: ca`).map(at),
    clientPairs: readClientPairs(fields.client, `${subject}: client`).map(([certFile, keyFile]) => ({
      certFile: at(certFile),
      // A certificate alone is a file that holds its key too.
      keyFile: at(keyFile || certFile),
    })),
    skipVerify: flag(fields.skip_verify, `${subject}: skip_verify`),
    headers: readHeaders(fields.header, `${subject}: header`),
    dialTimeoutMs: readDialTimeout(fields.dial_timeout, `${subject}: dial_timeout`),
  };
}

/** `https://` where no scheme is written, and `/v2` at the end unless the path is to stay as it is. */
function baseOf(address: string, overridePath: boolean, subject: string): string {
  const full = /^[a-z]+:\/\//i.test(address) ? address : `https://${address}`;
  const url = URL.canParse(full) ? new URL(full) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.search) {
    throw new CtrError("InvalidArgument", `${subject}: ${quote(address)} is no address of a registry`);
  }
  const path = normalize(url.pathname).replace(/\/+$/, "");
  return `${url.origin}${overridePath || path.endsWith("/v2") ? path : `${path}/v2`}`;
}

function readCapabilities(value: unknown, subject: string): readonly Capability[] {
  const names = texts(value, `${subject}: capabilities`).map((name) => name.toLowerCase());
  const unknown = names.find((name) => !(CAPABILITIES as readonly string[]).includes(name));
  if (unknown !== undefined) {
    throw new CtrError("InvalidArgument", `${subject}: unknown capability ${quote(unknown)}`);
  }
  return names.length > 0 ? (names as Capability[]) : CAPABILITIES;
}

/** One certificate, a list of them, or a list of pairs of certificate and key. */
function readClientPairs(value: unknown, subject: string): [certFile: string, keyFile: string][] {
  if (!Array.isArray(value)) return texts(value, subject).map((certFile) => [certFile, ""]);
  return value.map((element) => {
    const [certFile, keyFile = "", ...more] = texts(element, subject);
    if (!certFile || more.length > 0) throw wrong(subject, "a certificate, or one with its key");
    return [certFile, keyFile];
  });
}

function readHeaders(value: unknown, subject: string): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, values] of Object.entries(table(value, subject))) {
    const joined = texts(values, `${subject}: ${name}`).join(", ");
    if (!isHeader(name, joined)) throw wrong(subject, "names and values of HTTP headers");
    headers[name.toLowerCase()] = joined;
  }
  return headers;
}

function readDialTimeout(value: unknown, subject: string): number | undefined {
  const text = optionalText(value, subject);
  if (!text) return undefined;
  const milliseconds = readDuration(text);
  if (milliseconds === undefined || milliseconds < 0) throw wrong(subject, 'a duration such as "5s"');
  return milliseconds || undefined;
}

function table(value: unknown, subject: string): Table {
  if (value === undefined) return {};
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Table;
  throw wrong(subject, "a table");
}

function optionalText(value: unknown, subject: string): string | undefined {
  if (value === undefined || typeof value === "string") return value;
  throw wrong(subject, "a string");
}

function texts(value: unknown, subject: string): string[] {
  if (value === undefined) return [];
  if (typeof value === "string") return [value];
  if (Array.isArray(value) && value.every((each) => typeof each === "string")) return value;
  throw wrong(subject, "a string or a list of strings");
}

function flag(value: unknown, subject: string): boolean {
  if (value === undefined || typeof value === "boolean") return value ?? false;
  throw wrong(subject, "true or false");
}

function wrong(subject: string, wanted: string): CtrError {
  return new CtrError("InvalidArgument", `${subject} is not ${wanted}`);
}
