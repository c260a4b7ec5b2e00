import { dockerConfigFile, readAuthFile } from "./credentials/auth-file.ts";
import { isHeader } from "./header.ts";

/** What Docker's daemon hands on to registries; the others are between its client and itself. */
const HANDED_ON = /^x-meta-./;

/**
 * `HttpHeaders` of Docker's config.json, as far as they reach registries. A file that cannot be understood is
 * complained about where a registry asks for the credentials in it, and keeps nobody from public images here.
 */
export async function readDockerHeaders(
  environment: NodeJS.ProcessEnv = process.env,
): Promise<Record<string, string>> {
  const file = await readAuthFile(dockerConfigFile(environment)).catch(() => undefined);
  const named = Object.entries(file?.httpHeaders ?? {}).map(
    ([name, value]) => [name.toLowerCase(), value] as const,
  );
  return Object.fromEntries(named.filter(([name, value]) => HANDED_ON.test(name) && isHeader(name, value)));
}
