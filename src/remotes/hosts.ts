import { DOCKER_HOST } from "../core/reference.ts";
import type { RemoteOptions } from "./options.ts";
import { isLoopback } from "./origins.ts";
import { type TlsFiles, tlsFilesOf } from "./tls.ts";

export const CAPABILITIES = ["pull", "resolve", "push", "referrers"] as const;
/** What a host may be asked for. */
export type Capability = (typeof CAPABILITIES)[number];

/** One place to ask for a reference's content. A reference's host may have several: mirrors first, itself last. */
export interface RegistryHost {
  /** Where `/v2` paths begin, without a slash at the end: `https://registry-1.docker.io/v2`. */
  base: string;
  /** The same by the other scheme, asked when `base` turns out not to speak its own. */
  otherBase?: string;
  /** Whose credentials it gets, as references name it. */
  credentialHost: string;
  /** The user chose http, so that credentials may travel in the clear. */
  isPlainChosen: boolean;
  /** All without it. */
  capabilities?: readonly Capability[];
  /** Sent with every request to it, and nowhere else. */
  headers?: Readonly<Record<string, string>>;
  /** In place of what the flags say. */
  tls?: TlsFiles;
  /** How long a connection may take to be made. */
  dialTimeoutMs?: number;
  /** For a mirror of several registries: the one that is meant, as `?ns=` names it. */
  namespace?: string;
}

const DOCKER_REGISTRY = "registry-1.docker.io";

/** A registry's own address, which differs from its name for Docker Hub alone. */
export const serverOf = (host: string): string => (host === DOCKER_HOST ? DOCKER_REGISTRY : host);

/** The name under which references and credentials know a server. */
export const nameOf = (server: string): string => (server === DOCKER_REGISTRY ? DOCKER_HOST : server);

export const hasCapability = ({ capabilities }: RegistryHost, wanted: Capability): boolean =>
  capabilities?.includes(wanted) ?? true;

/** By the directories of `hostsDirs` where one of them knows the host, else the host itself. */
export async function findHosts(host: string, options: RemoteOptions): Promise<RegistryHost[]> {
  if (!options.hostsDirs?.length) return [registryHost(host, options)];
  const { configuredHosts } = await import("./hosts-directory.ts");
  return configuredHosts(host, options.hostsDirs, options);
}

/**
 * https, but for loopback as containerd has it: https without port or on 443, http on 80, otherwise whichever of the
 * two it speaks. `plainHttp` is http everywhere.
 */
export function registryHost(
  host: string,
  options: RemoteOptions,
  tls: TlsFiles = tlsFilesOf(options),
): RegistryHost {
  const { plainHttp = false } = options;
  const server = serverOf(host);
  const [secure, plain] = [`https://${server}/v2`, `http://${server}/v2`];
  const shared = { credentialHost: host, isPlainChosen: plainHttp, tls };
  const url = new URL(`https://${server}`);
  if (plainHttp || (isLoopback(url) && url.port === "80")) return { base: plain, ...shared };
  if (!isLoopback(url) || url.port === "") return { base: secure, ...shared };
  // http first: loopback registries mostly speak it, and refuse it at once where they do not.
  const expectsTls = tls.skipVerify || tls.caFiles.length > 0 || tls.clientPairs.length > 0;
  return expectsTls
    ? { base: secure, otherBase: plain, ...shared }
    : { base: plain, otherBase: secure, ...shared };
}
