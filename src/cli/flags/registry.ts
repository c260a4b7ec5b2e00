import {
  type Credentials,
  dockerHeaders,
  type RemoteOptions,
  storedCredentials,
  USUAL_HOSTS_DIRS,
} from "../../client/images/resolver.ts";
import { parseReference } from "../../core/reference.ts";
import { writeError } from "../output.ts";
import { UsageError } from "../usage-error.ts";
import { booleanFlag, type FlagValues, stringFlag } from "./flag.ts";

/** How a registry is spoken to: flags of everything that does. */
export const registryFlags = {
  skipVerify: booleanFlag("accept any server certificate", { alias: "k" }),
  plainHttp: booleanFlag("speak HTTP instead of HTTPS"),
  user: stringFlag("user and password; asks for one that is left out", {
    alias: "u",
    placeholder: "NAME[:PASSWORD]",
  }),
  refresh: stringFlag("refresh token in place of user and password", { placeholder: "TOKEN" }),
  hostsDir: stringFlag("directory with a hosts.toml, or certificates, for each registry host", {
    placeholder: "DIR",
    completion: "directories",
  }),
  tlscacert: stringFlag("certificate authority to trust beside the system's", {
    placeholder: "FILE",
    completion: "files",
  }),
  tlscert: stringFlag("client certificate", { placeholder: "FILE", completion: "files" }),
  tlskey: stringFlag("key of the client certificate", { placeholder: "FILE", completion: "files" }),
  httpDump: booleanFlag("show requests and responses, without secrets"),
  httpTrace: booleanFlag("show connections, redirects, retries and times"),
};

/**
 * Credentials of the flags are for the registry of `ref` alone; others, its mirrors among them, get what Docker or
 * Podman have stored for them.
 */
export async function remoteOptionsOf(
  flags: FlagValues<typeof registryFlags>,
  ref: string,
): Promise<RemoteOptions> {
  const { tlscacert: caFile, tlscert: certFile, tlskey: keyFile } = flags;
  if (Boolean(certFile) !== Boolean(keyFile)) {
    throw new UsageError("both --tlscert and --tlskey are needed for a client certificate");
  }
  const { host } = parseReference(ref);
  const credentials = await readCredentials(flags);
  const say = (text: string) => writeError(text.endsWith("\n") ? text : `${text}\n`);
  return {
    plainHttp: flags.plainHttp,
    skipVerify: flags.skipVerify,
    tls: { caFile, certFile, keyFile },
    credentials: (asked, repository) =>
      credentials && asked === host ? credentials : storedCredentials(asked, repository),
    headers: dockerHeaders,
    hostsDirs: flags.hostsDir ? [flags.hostsDir] : USUAL_HOSTS_DIRS,
    dump: flags.httpDump ? say : undefined,
    trace: flags.httpTrace ? say : undefined,
  };
}

async function readCredentials({
  user,
  refresh,
}: FlagValues<typeof registryFlags>): Promise<Credentials | undefined> {
  if (!user) return refresh ? { username: "", secret: refresh } : undefined;
  const colon = user.indexOf(":");
  if (colon >= 0) return { username: user.slice(0, colon), secret: user.slice(colon + 1) };
  const { promptPassword } = await import("../prompt-password.ts");
  return { username: user, secret: promptPassword() };
}
