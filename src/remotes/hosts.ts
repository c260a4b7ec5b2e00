import { DOCKER_HOST } from "../core/reference.ts";
import type { RemoteOptions } from "./options.ts";
import { isLoopback } from "./origins.ts";

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
}

const DOCKER_REGISTRY = "registry-1.docker.io";

/**
 * https, but for loopback as containerd has it: https without port or on 443, http on 80, otherwise whichever of the
 * two it speaks. `plainHttp` is http everywhere.
 */
export function registryHosts(host: string, options: RemoteOptions): RegistryHost[] {
  const { plainHttp = false, skipVerify, tls } = options;
  const server = host === DOCKER_HOST ? DOCKER_REGISTRY : host;
  const [secure, plain] = [`https://${server}/v2`, `http://${server}/v2`];
  const shared = { credentialHost: host, isPlainChosen: plainHttp };
  const url = new URL(`https://${server}`);
  if (plainHttp || (isLoopback(url) && url.port === "80")) return [{ base: plain, ...shared }];
  if (!isLoopback(url) || url.port === "") return [{ base: secure, ...shared }];
  // http first: loopback registries mostly speak it, and refuse it at once where they do not.
  const expectsTls = skipVerify || tls?.caFile || tls?.certFile;
  return expectsTls
    ? [{ base: secure, otherBase: plain, ...shared }]
    : [{ base: plain, otherBase: secure, ...shared }];
}
