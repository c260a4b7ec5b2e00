import { DOCKER_HOST } from "../../core/reference.ts";

const DOCKER_ALIASES: readonly string[] = ["index.docker.io", "registry-1.docker.io", "docker.io"];
/** How Docker's files and helpers name the Hub. */
const DOCKER_SERVER_URL = "https://index.docker.io/v1/";

/** What helpers are asked for. */
export const serverUrlOf = (host: string): string => (host === DOCKER_HOST ? DOCKER_SERVER_URL : host);

/**
 * How well a key of `auths` fits a repository: 0 for its host, more for each part of its path, undefined when it is
 * for others. Docker's keys are hosts, or addresses of which the host alone counts; Podman's may go on with a path
 * (containers-auth.json(5)).
 */
export function keyFit(key: string, host: string, repository: string): number | undefined {
  const { host: keyHost, path } = splitKey(key);
  if (keyHost !== host) return undefined;
  if (path === "") return 0;
  const isPrefix = repository === path || repository.startsWith(`${path}/`);
  return isPrefix ? path.split("/").length : undefined;
}

function splitKey(key: string): { host: string; path: string } {
  const isAddress = /^https?:\/\//i.test(key);
  const [first = "", ...rest] = key.replace(/^https?:\/\//i, "").split("/");
  const host = first.toLowerCase();
  const path = rest.join("/").replace(/\/+$/, "");
  const isHostOnly = isAddress || /^v[12]$/.test(path);
  return { host: DOCKER_ALIASES.includes(host) ? DOCKER_HOST : host, path: isHostOnly ? "" : path };
}
