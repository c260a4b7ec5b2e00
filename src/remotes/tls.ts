import { CtrError } from "../core/errors.ts";
import type { RemoteOptions } from "./options.ts";

/** What fetch takes as `tls`. */
export interface TlsSettings {
  ca?: string[];
  cert?: string;
  key?: string;
  rejectUnauthorized?: boolean;
}

/** Paths of PEM files, and whether a server has to prove itself at all. */
export interface TlsFiles {
  /** Trusted beside the system's. */
  caFiles: readonly string[];
  clientPairs: readonly { certFile: string; keyFile: string }[];
  skipVerify: boolean;
}

/** Throws InvalidArgument for a certificate without its key. */
export function tlsFilesOf({ tls = {}, skipVerify = false }: RemoteOptions): TlsFiles {
  const { caFile, certFile, keyFile } = tls;
  if (!certFile !== !keyFile) {
    throw new CtrError("InvalidArgument", "--tlscert and --tlskey must be given together");
  }
  return {
    caFiles: caFile ? [caFile] : [],
    clientPairs: certFile && keyFile ? [{ certFile, keyFile }] : [],
    skipVerify,
  };
}

/** Where distributions keep the authorities their users trust, as Go's crypto/x509 looks for them. */
const SYSTEM_AUTHORITIES = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
  "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
  "/etc/ssl/cert.pem",
];

/**
 * Reads the certificates. Bun brings authorities of its own and would ignore those that an administrator added to
 * the system's, and it takes one client certificate: `pairAt` says which. Throws InvalidArgument for a file that
 * cannot be read.
 */
export async function readTlsSettings(
  { caFiles, clientPairs, skipVerify }: TlsFiles,
  pairAt: number,
): Promise<TlsSettings> {
  const own = await Promise.all(caFiles.map(readPem));
  const system = skipVerify ? undefined : await readSystemAuthorities();
  const ca = system ? [system, ...own] : own;
  const pair = clientPairs[pairAt];
  return {
    ...(ca.length > 0 && { ca }),
    ...(pair && { cert: await readPem(pair.certFile), key: await readKey(pair) }),
    ...(skipVerify && { rejectUnauthorized: false }),
  };
}

/** For another host than the one they were meant for: the trust stays, our own certificate does not go there. */
export function withoutIdentity({ cert: _cert, key: _key, ...trust }: TlsSettings): TlsSettings {
  return trust;
}

async function readSystemAuthorities(): Promise<string | undefined> {
  const { readFile } = await import("node:fs/promises");
  for (const file of [process.env.SSL_CERT_FILE, ...SYSTEM_AUTHORITIES]) {
    const pem = file && (await readFile(file, "utf8").catch(() => undefined));
    if (pem) return pem;
  }
  return undefined;
}

async function readKey({ certFile, keyFile }: TlsFiles["clientPairs"][number]): Promise<string> {
  const pem = await readPem(keyFile);
  if (pem.includes("PRIVATE KEY-----")) return pem;
  throw new CtrError("InvalidArgument", `${certFile}: missing key for client certificate in ${keyFile}`);
}

async function readPem(file: string): Promise<string> {
  const { readFile } = await import("node:fs/promises");
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (cause) {
    const why =
      (cause as NodeJS.ErrnoException).code === "ENOENT" ? "no such file or directory" : "cannot read";
    throw new CtrError("InvalidArgument", `open ${file}: ${why}`, { cause });
  }
  if (!text.includes("-----BEGIN "))
    throw new CtrError("InvalidArgument", `${file} holds nothing in PEM format`);
  return text;
}
