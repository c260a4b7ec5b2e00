import { existsSync, readFileSync } from "node:fs";
import { CtrError, withSubject } from "../../core/errors.ts";
import { validateIdentifier } from "../../core/identifier.ts";
import { asSysError } from "../../sys/errno.ts";

/** The first of them that exists is read, when no other is named. */
export const DEFAULT_CONFIG_FILES: readonly string[] = [
  "/etc/ctr/config.toml",
  "/etc/containerd/config.toml",
];

/** A table `[proxy_plugins.NAME]`. */
export interface ProxyPlugin {
  name: string;
  /** `snapshot`; containerd knows others, for which there is no use here. */
  type: string;
  /** Path of a unix socket. */
  address: string;
}

type Table = Readonly<Record<string, unknown>>;

/**
 * The proxy plugins of `file`, of a default file without it; of everything else in it nothing is wanted. Throws
 * NotFound for a file named that is not there, InvalidArgument, naming file and field, for one that is malformed.
 */
export async function readProxyPlugins(file: string | undefined): Promise<ProxyPlugin[]> {
  const path = file ?? DEFAULT_CONFIG_FILES.find((candidate) => existsSync(candidate));
  if (path === undefined) return [];
  const plugins = table((await readToml(path)).proxy_plugins, `${path}: proxy_plugins`);
  return Object.entries(plugins).map(([name, fields]) => readPlugin(name, fields, path));
}

async function readToml(path: string): Promise<Table> {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw asSysError(error, path);
  }
  const { parse } = await import("smol-toml");
  try {
    return parse(text) as Table;
  } catch (cause) {
    const words = cause instanceof Error ? (cause.message.split("\n")[0] ?? "") : "";
    throw new CtrError("InvalidArgument", `${path}: ${words}`, { cause });
  }
}

function readPlugin(name: string, value: unknown, file: string): ProxyPlugin {
  const subject = `${file}: proxy_plugins.${name}`;
  try {
    // It becomes the name of a directory.
    validateIdentifier(name);
  } catch (error) {
    throw withSubject(subject, error);
  }
  const fields = table(value, subject);
  const address = text(fields.address, `${subject}.address`).replace(/^unix:\/\//, "");
  if (!address.startsWith("/")) throw wrong(`${subject}.address`, "the path of a socket");
  return { name, type: text(fields.type, `${subject}.type`), address };
}

function table(value: unknown, subject: string): Table {
  if (value === undefined) return {};
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Table;
  throw wrong(subject, "a table");
}

function text(value: unknown, subject: string): string {
  if (typeof value === "string" && value !== "") return value;
  throw wrong(subject, "a string");
}

function wrong(subject: string, wanted: string): CtrError {
  return new CtrError("InvalidArgument", `${subject} is not ${wanted}`);
}
