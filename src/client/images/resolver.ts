import type { Resolver } from "../../core/remotes.ts";
import type { CredentialSource, RemoteOptions } from "../../remotes/index.ts";

export type { CredentialSource, Credentials, RemoteOptions } from "../../remotes/index.ts";

/** Where containerd's users and Docker's keep a directory for each registry host. */
export const USUAL_HOSTS_DIRS: readonly string[] = ["/etc/containerd/certs.d", "/etc/docker/certs.d"];

/** As every command has them without a flag. */
export const usualRemoteOptions = (): RemoteOptions => ({
  credentials: storedCredentials,
  headers: dockerHeaders,
  hostsDirs: USUAL_HOSTS_DIRS,
});

/** Connects to nothing before its first request. */
export async function openResolver(options: RemoteOptions = {}): Promise<Resolver> {
  const remotes = await import("../../remotes/index.ts");
  return remotes.openResolver(options);
}

/** What Docker's configuration has registries told. */
export const dockerHeaders = async (): Promise<Readonly<Record<string, string>>> =>
  (await import("../../remotes/docker-headers.ts")).readDockerHeaders();

/** What `docker login` and `podman login` have stored; nothing is read before a registry asks. */
export const storedCredentials: CredentialSource = async (host, repository) => {
  const { openStoredCredentials } = await import("../../remotes/credentials/stored-credentials.ts");
  return openStoredCredentials()(host, repository);
};
