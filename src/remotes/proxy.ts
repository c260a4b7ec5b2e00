const PROXY_VARIABLES = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"];
const LOOPBACK = "localhost,127.0.0.0/8,::1";

export const isProxied = (environment: NodeJS.ProcessEnv = process.env): boolean =>
  PROXY_VARIABLES.some((name) => environment[name]);

/**
 * Keeps loopback registries off the proxy, as Go's clients do. fetch asks the environment alone and would send
 * `localhost` through HTTP_PROXY, so the exception is added there; children inherit what they would assume anyway.
 */
export function exemptLoopbackFromProxy(environment: NodeJS.ProcessEnv = process.env): void {
  if (!isProxied(environment)) return;
  // The lower-case variable wins where both are set.
  const name = environment.no_proxy ? "no_proxy" : "NO_PROXY";
  const listed = environment[name] ?? "";
  if (listed === "*" || listed.endsWith(LOOPBACK)) return;
  environment[name] = listed ? `${listed},${LOOPBACK}` : LOOPBACK;
}
