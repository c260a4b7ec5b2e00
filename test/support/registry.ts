import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Certificates, createCertificates } from "./certificates.ts";
import { waitFor } from "./wait-for.ts";

export interface RegistryOptions {
  /** Serve HTTPS, with a certificate for localhost and 127.0.0.1 by an authority of its own. */
  tls?: boolean;
  /** Refuse clients without a certificate by that authority. Needs `tls`. */
  clientCertificate?: boolean;
  /** Ask for these by HTTP basic authentication. */
  credentials?: { username: string; password: string };
  /** A port to take, for one that was stopped; a free one without it. */
  port?: number;
}

export interface Registry extends AsyncDisposable {
  /** `localhost:PORT`, as references begin with it. */
  readonly host: string;
  readonly port: number;
  /** With scheme, without a slash at the end. */
  readonly url: string;
  /** With `tls`. */
  readonly certificates: Certificates | undefined;
  /** Trusts the registry, and brings credentials and client certificate. `path` begins with a slash. */
  fetch(path: string, init?: BunFetchRequestInit): Promise<Response>;
  /** Its log so far, with a line for each request it answered. */
  log(): Promise<string>;
  /** Ends it and keeps the storage: starting one in the same directory serves the same images. */
  stop(): Promise<void>;
}

/** Starts the real docker-registry on loopback, with its storage below `directory`. Disposing ends it. */
export async function startRegistry(directory: string, options: RegistryOptions = {}): Promise<Registry> {
  const home = join(directory, "registry");
  mkdirSync(join(home, "storage"), { recursive: true });
  const certificates = options.tls ? createCertificates(join(home, "certificates")) : undefined;
  const configFile = join(home, "config.json");
  writeFileSync(configFile, JSON.stringify(await configuration(home, options, certificates)));
  const logFile = join(home, "log");
  rmSync(logFile, { force: true });
  const child = Bun.spawn(["docker-registry", "serve", configFile], {
    env: { PATH: process.env.PATH ?? "", OTEL_TRACES_EXPORTER: "none" },
    stdin: "ignore",
    stdout: Bun.file(join(home, "access-log")),
    stderr: Bun.file(logFile),
  });
  const stop = async () => {
    child.kill("SIGKILL");
    await child.exited;
  };
  const port = await listeningPort(logFile, child).catch(async (error) => {
    await stop();
    throw error;
  });
  const url = `${options.tls ? "https" : "http"}://localhost:${port}`;
  return {
    host: `localhost:${port}`,
    port,
    url,
    certificates,
    fetch: (path, init = {}) => fetch(`${url}${path}`, withTrust(init, options, certificates)),
    log: async () => `${await Bun.file(logFile).text()}${await Bun.file(join(home, "access-log")).text()}`,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** The configuration is YAML, of which JSON is a part. */
async function configuration(home: string, options: RegistryOptions, certificates: Certificates | undefined) {
  const { credentials, clientCertificate, port = 0 } = options;
  const tls = certificates && {
    certificate: certificates.serverCertificate,
    key: certificates.serverKey,
    ...(clientCertificate ? { clientcas: [certificates.authority] } : {}),
  };
  const htpasswd = join(home, "htpasswd");
  if (credentials) {
    const hash = await Bun.password.hash(credentials.password, { algorithm: "bcrypt", cost: 4 });
    writeFileSync(htpasswd, `${credentials.username}:${hash}\n`);
  }
  return {
    version: "0.1",
    log: { level: "info", fields: { service: "registry" } },
    storage: {
      filesystem: { rootdirectory: join(home, "storage") },
      delete: { enabled: true },
      maintenance: { uploadpurging: { enabled: false } },
    },
    http: { addr: `127.0.0.1:${port}`, ...(tls ? { tls } : {}) },
    ...(credentials ? { auth: { htpasswd: { realm: "test", path: htpasswd } } } : {}),
  };
}

/** It chose its port itself, so that no other process can have taken it meanwhile, and says so in its log. */
function listeningPort(logFile: string, child: Bun.Subprocess): Promise<number> {
  return waitFor(
    async () => {
      const log = await Bun.file(logFile).text();
      if (child.exitCode !== null) throw new Error(`docker-registry ended: ${log}`);
      return Number(/listening on 127\.0\.0\.1:(\d+)/.exec(log)?.[1]);
    },
    { what: "docker-registry's readiness" },
  );
}

function withTrust(
  init: BunFetchRequestInit,
  options: RegistryOptions,
  certificates: Certificates | undefined,
): BunFetchRequestInit {
  const headers = new Headers(init.headers);
  if (options.credentials) {
    const { username, password } = options.credentials;
    headers.set("authorization", `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`);
  }
  if (!certificates) return { ...init, headers };
  const tls = {
    ca: Bun.file(certificates.authority),
    cert: Bun.file(certificates.clientCertificate),
    key: Bun.file(certificates.clientKey),
  };
  return { ...init, headers, tls };
}
