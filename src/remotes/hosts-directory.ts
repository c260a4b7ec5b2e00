import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { CtrError } from "../core/errors.ts";
import { CAPABILITIES, nameOf, type RegistryHost, registryHost, serverOf } from "./hosts.ts";
import { type HostEntry, parseHostsFile } from "./hosts-file.ts";
import type { RemoteOptions } from "./options.ts";
import { type TlsFiles, tlsFilesOf } from "./tls.ts";

/**
 * The hosts to ask for a registry's content, by the first directory that is there for it: `HOST_PORT_`, `HOST:PORT`,
 * and after these, in any of `roots`, `_default`. Throws InvalidArgument for a file that cannot be understood.
 */
export async function configuredHosts(
  host: string,
  roots: readonly string[],
  options: RemoteOptions,
): Promise<RegistryHost[]> {
  const directory = await findDirectory(host, roots);
  if (!directory) return [registryHost(host, options)];
  const text = await readIfThere(join(directory, "hosts.toml"));
  // An empty file is as good as none, as containerd has it.
  const entries = text ? await parseHostsFile(text, directory) : [await dockerEntry(directory)];
  const hosts = entries.map((entry) => toHost(entry, host, options));
  return hosts.filter(({ base }, at) => hosts.findIndex((other) => other.base === base) === at);
}

async function findDirectory(host: string, roots: readonly string[]): Promise<string | undefined> {
  const underscored = host.replace(/:(\d+)$/, "_$1_");
  const own = roots.flatMap((root) => [...new Set([underscored, host])].map((name) => join(root, name)));
  for (const path of [...own, ...roots.map((root) => join(root, "_default"))]) {
    if (await isDirectory(path)) return path;
  }
  return undefined;
}

/**
 * Docker's layout: authorities in `*.crt`, client certificates in `*.cert` with `*.key` of the same name, or with the
 * key in the same file.
 */
async function dockerEntry(directory: string): Promise<HostEntry> {
  const names = (await readdir(directory)).sort();
  const path = (name: string) => join(directory, name);
  const clientPairs = names
    .filter((name) => name.endsWith(".cert"))
    .map((name) => {
      const key = name.replace(/\.cert$/, ".key");
      return { certFile: path(name), keyFile: path(names.includes(key) ? key : name) };
    });
  return {
    capabilities: CAPABILITIES,
    caFiles: names.filter((name) => name.endsWith(".crt")).map(path),
    clientPairs,
    skipVerify: false,
    headers: {},
  };
}

/** What flags say stands unless the entry says otherwise. */
function toHost(entry: HostEntry, host: string, options: RemoteOptions): RegistryHost {
  const flags = tlsFilesOf(options);
  const tls: TlsFiles = {
    caFiles: [...flags.caFiles, ...entry.caFiles],
    clientPairs: entry.clientPairs.length > 0 ? entry.clientPairs : flags.clientPairs,
    skipVerify: flags.skipVerify || entry.skipVerify,
  };
  const { capabilities, headers, dialTimeoutMs } = entry;
  if (!entry.base) return { ...registryHost(host, options, tls), headers, dialTimeoutMs };
  const url = new URL(entry.base);
  return {
    ...(isAmbiguous(url, tls)
      ? { base: entry.base.replace(/^http:/, "https:"), otherBase: entry.base }
      : { base: entry.base }),
    credentialHost: nameOf(url.host),
    // The administrator wrote http.
    isPlainChosen: url.protocol === "http:",
    capabilities,
    headers,
    tls,
    dialTimeoutMs,
    ...(url.host !== serverOf(host) && { namespace: host }),
  };
}

/** http to a port of its own, with settings for TLS beside it: containerd tries https first as well. */
function isAmbiguous(url: URL, tls: TlsFiles): boolean {
  const speaksTls = tls.skipVerify || tls.caFiles.length > 0 || tls.clientPairs.length > 0;
  return url.protocol === "http:" && url.port !== "" && speaksTls;
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (cause) {
    if (isAbsent(cause)) return false;
    throw unreadable(path, cause);
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    if (isAbsent(cause)) return undefined;
    throw unreadable(path, cause);
  }
}

const isAbsent = (cause: unknown): boolean =>
  ["ENOENT", "ENOTDIR"].includes((cause as NodeJS.ErrnoException).code ?? "");

function unreadable(path: string, cause: unknown): CtrError {
  const words = cause instanceof Error ? (cause as NodeJS.ErrnoException).code : String(cause);
  return new CtrError("InvalidArgument", `${path}: cannot be read (${words})`, { cause });
}
