import { type Digest, isDigest } from "./digest.ts";
import { CtrError } from "./errors.ts";
import { quote } from "./quote.ts";

/** What names an image in a registry, in full: distribution spec's `HOST[:PORT]/PATH[:TAG][@DIGEST]`. */
export interface Reference {
  /** As the user wrote it: `busybox`. */
  given: string;
  /** Completed and normalized, the name of the image's record: `docker.io/library/busybox:latest`. */
  name: string;
  /** In lower case, with its port if it has one; IPv6 in brackets. */
  host: string;
  /** The repository: `library/busybox`. */
  path: string;
  /** Absent only beside a digest. */
  tag?: string;
  /** Wins over the tag where both are given. */
  digest?: Digest;
}

export const DOCKER_HOST = "docker.io";
const DOCKER_ALIASES: readonly string[] = ["index.docker.io", "registry-1.docker.io"];
const DEFAULT_TAG = "latest";
const MAX_REPOSITORY_LENGTH = 255;

const DOMAIN = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/;
const IPV6 = /^\[[0-9a-f:.]+\]$/;
const PATH_COMPONENT = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const TAG = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;

/**
 * Reads a reference, completing what people leave out: `docker.io`, its `library/`, `:latest`. Full references, all
 * that the real ctr takes, keep their name. Throws InvalidArgument. What it answers holds no `..`, no control
 * character and nothing else that could lead a path or a URL astray.
 */
export function parseReference(given: string): Reference {
  if (given === "") throw invalid(given, "it is empty", "name an image, for example busybox:latest");
  const scheme = /^[a-z][a-z0-9+.-]*:\/\//i.exec(given)?.[0];
  if (scheme) throw invalid(given, `it starts with ${scheme}`, `leave out ${scheme}`);

  const { rest, digest } = cutDigest(given);
  const { repository, tag } = cutTag(given, rest, digest);
  const { host, path } = splitHost(repository);
  checkHost(given, host);
  checkPath(given, host, path);

  const name = `${host}/${path}${tag ? `:${tag}` : ""}${digest ? `@${digest}` : ""}`;
  return { given, name, host, path, ...(tag && { tag }), ...(digest && { digest }) };
}

function cutDigest(given: string): { rest: string; digest?: Digest } {
  const at = given.indexOf("@");
  if (at < 0) return { rest: given };
  const digest = given.slice(at + 1);
  if (isDigest(digest)) return { rest: given.slice(0, at), digest };
  throw invalid(given, "what follows @ is no digest", "write it as @sha256: and 64 hexadecimal digits");
}

/** A colon after the last slash starts a tag, one before it a port. */
function cutTag(
  given: string,
  rest: string,
  digest: Digest | undefined,
): { repository: string; tag?: string } {
  const colon = rest.indexOf(":", rest.lastIndexOf("/") + 1);
  if (colon < 0) return { repository: rest, ...(!digest && { tag: DEFAULT_TAG }) };
  const tag = rest.slice(colon + 1);
  if (TAG.test(tag)) return { repository: rest.slice(0, colon), tag };
  const rule = "a tag is 1 to 128 letters, digits, _ . and -, and starts with none of the last two";
  throw invalid(given, "its tag is malformed", rule);
}

/** Docker's rule: what comes before the first slash is a host if it has a dot or a port, or is `localhost`. */
function splitHost(repository: string): { host: string; path: string } {
  const slash = repository.indexOf("/");
  const first = repository.slice(0, Math.max(slash, 0)).toLowerCase();
  const isHost = /[.:]/.test(first) || first === "localhost";
  const host = isHost && !DOCKER_ALIASES.includes(first) ? first : DOCKER_HOST;
  const path = isHost ? repository.slice(slash + 1) : repository;
  return { host, path: host === DOCKER_HOST && !path.includes("/") ? `library/${path}` : path };
}

function checkHost(given: string, host: string): void {
  const [, name = "", port] = /^(.*?)(?::(\d*))?$/.exec(host) ?? [];
  const isBracketed = IPV6.test(name);
  if (!isBracketed && !DOMAIN.test(name)) throw invalid(given, "its host is malformed", HOST_HINT);
  if (port !== undefined && !(Number(port) >= 1 && Number(port) <= 65535)) {
    throw invalid(given, "its port is none", "ports are 1 to 65535");
  }
  // URLs read `127.1` and `0x7f.0.0.1` as 127.0.0.1: one host has one spelling, so that rules about hosts hold.
  const parsed = URL.canParse(`https://${host}/`) ? new URL(`https://${host}/`).hostname : "";
  if (parsed !== name && !(isBracketed && parsed)) throw invalid(given, "its host is malformed", HOST_HINT);
}

const HOST_HINT = "write HOST[:PORT]/PATH[:TAG], for example localhost:5000/app:1.0";

function checkPath(given: string, host: string, path: string): void {
  if (path !== path.toLowerCase()) {
    throw invalid(given, "repository name must be lowercase", "write the name before the tag in lower case");
  }
  if (`${host}/${path}`.length > MAX_REPOSITORY_LENGTH) {
    throw invalid(given, `repository name must not be more than ${MAX_REPOSITORY_LENGTH} characters`);
  }
  if (!path.split("/").every((component) => PATH_COMPONENT.test(component))) {
    throw invalid(given, "its repository name is malformed", HOST_HINT);
  }
  if (/^library\/[a-f0-9]{64}$/.test(path)) {
    throw invalid(
      given,
      "64 hexadecimal digits name no repository",
      "put the repository and @sha256: before them",
    );
  }
}

function invalid(given: string, words: string, hint?: string): CtrError {
  return new CtrError("InvalidArgument", `invalid reference ${quote(given)}: ${words}`, { hint });
}
