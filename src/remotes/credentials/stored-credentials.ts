import { join } from "node:path";
import { ifPresent } from "../../core/errors.ts";
import type { CredentialSource, Credentials } from "../options.ts";
import {
  type AuthFile,
  dockerConfigFile,
  findInAuths,
  homeOf,
  type Match,
  parseAuthFile,
  readAuthFile,
} from "./auth-file.ts";
import { keyFit } from "./auth-keys.ts";
import { askHelper } from "./helper.ts";

/**
 * What `docker login` and `podman login` have stored, found as these programs find it: DOCKER_AUTH_CONFIG, then
 * REGISTRY_AUTH_FILE alone where it is set, else Podman's files and Docker's config.json. Of several entries the one
 * for the longest part of the repository's name counts, of equals the first. Files are read when a registry first
 * asks. The source throws InvalidArgument for a file that cannot be understood, NotFound and FailedPrecondition for a
 * helper that fails.
 */
export function openStoredCredentials(environment: NodeJS.ProcessEnv = process.env): CredentialSource {
  let files: Promise<AuthFile[]> | undefined;
  return async (host, repository) => {
    files ??= readAll(environment);
    let best: Match | undefined;
    for (const file of await files) {
      const match = await findInFile(file, host, repository, best?.fit ?? -1);
      if (match) best = match;
    }
    return best?.credentials;
  };
}

async function readAll(environment: NodeJS.ProcessEnv): Promise<AuthFile[]> {
  const { DOCKER_AUTH_CONFIG: inline, REGISTRY_AUTH_FILE: chosen } = environment;
  const found = [
    inline ? parseAuthFile(inline, "DOCKER_AUTH_CONFIG") : undefined,
    ...(await Promise.all(
      chosen
        ? [readAuthFile(chosen)]
        : usualFiles(environment).map(({ path, isLegacy }) => readAuthFile(path, isLegacy)),
    )),
  ];
  return found.filter((file) => file !== undefined);
}

function usualFiles(environment: NodeJS.ProcessEnv): { path: string; isLegacy?: boolean }[] {
  const home = homeOf(environment);
  const runtime = environment.XDG_RUNTIME_DIR || `/run/containers/${process.getuid?.() ?? 0}`;
  const config = environment.XDG_CONFIG_HOME || join(home, ".config");
  return [
    { path: join(runtime, "containers/auth.json") },
    { path: join(config, "containers/auth.json") },
    { path: dockerConfigFile(environment) },
    { path: join(home, ".dockercfg"), isLegacy: true },
  ];
}

/** Helpers know hosts, not repositories, and come before the file's own entry for the host, as Docker has it. */
async function findInFile(
  file: AuthFile,
  host: string,
  repository: string,
  fitToBeat: number,
): Promise<Match | undefined> {
  const own = findInAuths(file, host, repository);
  if (own && own.fit > Math.max(0, fitToBeat)) return own;
  if (fitToBeat >= 0) return undefined;
  const credentials = await askHelpers(file, host);
  return credentials ? { credentials, fit: 0 } : own;
}

async function askHelpers(file: AuthFile, host: string): Promise<Credentials | undefined> {
  const named = Object.entries(file.credHelpers).find(([key]) => keyFit(key, host, "") === 0);
  if (named?.[1]) return askHelper(named[1], host);
  const { credsStore } = file;
  // A store for every host that is not installed must not keep anybody from public images.
  return credsStore ? ifPresent(() => askHelper(credsStore, host)) : undefined;
}
