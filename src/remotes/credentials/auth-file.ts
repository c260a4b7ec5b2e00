import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { CtrError } from "../../core/errors.ts";
import { JsonFields } from "../../core/json-fields.ts";
import { quote } from "../../core/quote.ts";
import type { Credentials } from "../options.ts";
import { keyFit } from "./auth-keys.ts";

/** A Docker config.json or Podman auth.json, as far as it is about registries. */
export interface AuthFile {
  /** For messages. */
  name: string;
  auths: JsonFields | undefined;
  credHelpers: Readonly<Record<string, string>>;
  credsStore: string | undefined;
  httpHeaders: Readonly<Record<string, string>>;
}

export const dockerConfigFile = (environment: NodeJS.ProcessEnv): string =>
  join(environment.DOCKER_CONFIG || join(homeOf(environment), ".docker"), "config.json");

export const homeOf = (environment: NodeJS.ProcessEnv): string => environment.HOME || homedir();

/** Undefined when there is no such file. Throws InvalidArgument for one that cannot be read or understood. */
export async function readAuthFile(path: string, isLegacy = false): Promise<AuthFile | undefined> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw new CtrError("InvalidArgument", `${path}: cannot be read (${code})`, { cause });
  }
  return parseAuthFile(text, path, isLegacy);
}

/** `isLegacy`: `.dockercfg`, which is the `auths` alone. */
export function parseAuthFile(text: string, name: string, isLegacy = false): AuthFile | undefined {
  // Tools have left NULs behind when they wrote less than before.
  const trimmed = text.replace(/[\s\0]+$/, "");
  if (trimmed === "") return undefined;
  const fields = JsonFields.parse(Buffer.from(trimmed), name);
  if (isLegacy) return { name, auths: fields, credHelpers: {}, credsStore: undefined, httpHeaders: {} };
  return {
    name,
    auths: fields.object("auths"),
    credHelpers: fields.stringMap("credHelpers") ?? {},
    credsStore: fields.string("credsStore") || undefined,
    httpHeaders: fields.stringMap("HttpHeaders") ?? {},
  };
}

export interface Match {
  credentials: Credentials;
  /** As `keyFit`. */
  fit: number;
}

/** The best entry of the file's `auths`; entries without a secret are marks that a helper has one. */
export function findInAuths({ auths, name }: AuthFile, host: string, repository: string): Match | undefined {
  let best: Match | undefined;
  for (const key of auths?.names() ?? []) {
    const fit = keyFit(key, host, repository);
    if (fit === undefined || (best && best.fit >= fit)) continue;
    const entry = auths?.object(key);
    const credentials = entry && readEntry(entry, `${name}: auths ${quote(key)}`);
    if (credentials) best = { credentials, fit };
  }
  return best;
}

function readEntry(entry: JsonFields, subject: string): Credentials | undefined {
  const registryToken = clean(entry.string("registrytoken"));
  if (registryToken) return { username: "", secret: "", registryToken };
  const identityToken = clean(entry.string("identitytoken"));
  if (identityToken) return { username: "", secret: identityToken };
  const auth = entry.string("auth");
  if (auth) return decode(auth, subject);
  const username = entry.string("username");
  const secret = clean(entry.string("password"));
  return username && secret ? { username, secret } : undefined;
}

/** Base64 of `NAME:SECRET`. */
function decode(auth: string, subject: string): Credentials {
  const text = Buffer.from(auth, "base64").toString("utf8").replace(/\0+$/, "");
  const colon = text.indexOf(":");
  if (colon > 0) return { username: text.slice(0, colon), secret: text.slice(colon + 1) };
  throw new CtrError("InvalidArgument", `${subject}: auth is not the base64 of NAME:SECRET`);
}

const clean = (text: string | undefined): string => (text ?? "").replace(/\0+$/, "");
