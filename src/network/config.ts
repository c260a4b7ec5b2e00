/** Network configurations: of a list of plugins (`.conflist`), or of a single one. */
import { type Dirent, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { CtrError } from "../core/errors.ts";
import { parseExactJson } from "../core/exact-json.ts";
import { JsonFields } from "../core/json-fields.ts";
import { asSysError, hasErrno } from "../sys/errno.ts";
import { isSpoken, newestSpoken, OLDEST_VERSION } from "./version.ts";

/** Of one plugin, as it stands in the file; plugins have fields of their own. */
export interface PluginConfig {
  type: string;
  capabilities?: Readonly<Record<string, boolean>>;
  [field: string]: unknown;
}

export interface NetworkConfig {
  name: string;
  cniVersion: string;
  plugins: PluginConfig[];
}

const EXTENSION = /\.(conf|conflist|json)$/;
const MOST_BYTES = 2 * 1024 * 1024;
export const MOST_PLUGINS = 100;
/** By the specification. It names files as well: plugins' own, and ours. */
const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;

/**
 * The first configuration of the directory in the order of names, as containerd's own choice is. Throws NotFound
 * when there is none, InvalidArgument for one that cannot be used.
 */
export function readDefaultNetwork(directory: string): NetworkConfig {
  const name = filesIn(directory).find((file) => EXTENSION.test(file));
  if (name === undefined) {
    throw new CtrError("NotFound", `network configuration in ${directory}`, {
      hint: "write a .conflist there, or name another directory in NETCONFPATH",
    });
  }
  const path = join(directory, name);
  return name.endsWith(".conflist") ? parseList(path, directory) : parseSingle(path);
}

function parseList(path: string, directory: string): NetworkConfig {
  const { fields, json } = readDocument(path);
  const name = nameIn(fields);
  const inlined = fields.objects("plugins", MOST_PLUGINS);
  for (const plugin of inlined ?? []) checkPlugin(plugin);
  const plugins = [
    ...((json.plugins ?? []) as PluginConfig[]),
    ...(isInlinedOnly(fields, json) ? [] : readPluginFiles(join(directory, name))),
  ];
  if (plugins.length === 0) throw fields.wrong("plugins", "a list of plugins");
  return { name, cniVersion: versionIn(fields), plugins };
}

function parseSingle(path: string): NetworkConfig {
  const { fields, json } = readDocument(path);
  checkPlugin(fields);
  return { name: nameIn(fields), cniVersion: versionIn(fields), plugins: [json as PluginConfig] };
}

/** Plugins that were put beside a list, into a directory of its name (CNI 1.1). */
function readPluginFiles(directory: string): PluginConfig[] {
  return filesIn(directory)
    .filter((name) => name.endsWith(".conf"))
    .map((name) => {
      const { fields, json } = readDocument(join(directory, name));
      checkPlugin(fields);
      return json as PluginConfig;
    });
}

interface Document {
  /** For looking at it with care. */
  fields: JsonFields;
  /** As it is handed on. */
  json: Record<string, unknown>;
}

function readDocument(path: string): Document {
  const subject = `network configuration ${path}`;
  const bytes = readBounded(path, subject);
  return {
    fields: JsonFields.parse(bytes, subject),
    json: parseExactJson(new TextDecoder().decode(bytes)) as Record<string, unknown>,
  };
}

function readBounded(path: string, subject: string): Uint8Array {
  try {
    const stat = statSync(path);
    if (!stat.isFile()) throw new CtrError("InvalidArgument", `${subject}: it is no file`);
    if (stat.size > MOST_BYTES)
      throw new CtrError("InvalidArgument", `${subject}: ${stat.size} bytes are too many`);
    return readFileSync(path);
  } catch (error) {
    throw error instanceof CtrError ? error : asSysError(error, path);
  }
}

function nameIn(fields: JsonFields): string {
  const name = fields.string("name") ?? "";
  if (NAME.test(name)) return name;
  throw fields.wrong("name", "a name of letters, digits, and _ . - within");
}

function versionIn(fields: JsonFields): string {
  const one = fields.string("cniVersion") || undefined;
  const several = fields.strings("cniVersions");
  const version = several ? newestSpoken(one ? [one, ...several] : several) : (one ?? OLDEST_VERSION);
  if (version !== undefined && isSpoken(version)) return version;
  throw fields.wrong(several ? "cniVersions" : "cniVersion", "a version of CNI that is known here");
}

/** The specification has strings here; files have truth values. */
function isInlinedOnly(fields: JsonFields, { loadOnlyInlinedPlugins }: Record<string, unknown>): boolean {
  if (typeof loadOnlyInlinedPlugins === "string") return loadOnlyInlinedPlugins.toLowerCase() === "true";
  return fields.boolean("loadOnlyInlinedPlugins") ?? false;
}

/** Its type is the name of a program in one of the plugins' directories. */
function checkPlugin(plugin: JsonFields): void {
  const type = plugin.string("type") ?? "";
  if (type === "" || type.includes("/")) throw plugin.wrong("type", "the name of a plugin");
  const capabilities = plugin.object("capabilities");
  for (const name of capabilities?.names() ?? []) capabilities?.boolean(name);
}

function filesIn(directory: string): string[] {
  let entries: Dirent[];
  try {
    entries = readdirSync(directory, { withFileTypes: true });
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return [];
    throw asSysError(error, directory);
  }
  return entries
    .filter((entry) => !entry.isDirectory())
    .map(({ name }) => name)
    .sort();
}
