import { CtrError } from "../core/errors.ts";

const LOOPBACK_HOST = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\]|\[::ffff:7f[0-9a-f]{2}:[0-9a-f]{1,4}\])$/;
/** Where clouds hand out the machine's own credentials: link-local addresses, and names and addresses made for it. */
const METADATA_HOST =
  /^(?:169\.254\.\d+\.\d+|\[fe[89ab][0-9a-f]:.*\]|\[::ffff:a9fe:[0-9a-f]{1,4}\]|\[fd00:ec2::254\]|100\.100\.100\.200|metadata|metadata\.google\.internal\.?)$/;

export const isLoopback = (url: URL): boolean => LOOPBACK_HOST.test(url.hostname);

/** An URL from a registry's answer, by its rules for names: http(s) only, never with a login inside. Throws InvalidArgument. */
export function parseRemoteUrl(text: string, base: URL | undefined, what: string): URL {
  const url = URL.canParse(text, base?.href) ? new URL(text, base) : undefined;
  if (!url || (url.protocol !== "https:" && url.protocol !== "http:")) {
    throw new CtrError("InvalidArgument", `${what} is no web address`);
  }
  url.username = "";
  url.password = "";
  url.hash = "";
  return url;
}

/**
 * Throws PermissionDenied unless `from` may send us on to `to`: never from https to http, never to a cloud's
 * metadata service, and to this machine's own services only from this machine.
 */
export function checkOnward(from: URL, to: URL, what: string): void {
  const shown = showUrl(to);
  if (from.protocol === "https:" && to.protocol !== "https:") {
    throw new CtrError("PermissionDenied", `${what} to ${shown}: from https to http`);
  }
  if (from.host === to.host) return;
  if (METADATA_HOST.test(to.hostname) || (isLoopback(to) && !isLoopback(from))) {
    throw new CtrError("PermissionDenied", `${what} to ${shown}: not a public address`);
  }
}

/** For messages: query strings of storage services are keys to what they name. */
export function showUrl(url: URL): string {
  return `${url.origin}${url.pathname}${url.search && "?…"}`;
}
