/** An empty `username` makes `secret` an identity token, to be exchanged for access tokens (`--refresh`). */
export interface Credentials {
  username: string;
  secret: string;
  /** An access token as it is, sent to the registry in place of one asked for; the others are empty then. */
  registryToken?: string;
}

/** What to say to a registry about a repository; asked when the registry wants to know, once per repository. */
export type CredentialSource = (
  /** As references name it: `docker.io`, `localhost:5000`. */
  host: string,
  /** `library/busybox`. */
  repository: string,
) => Credentials | undefined | Promise<Credentials | undefined>;

/** How registries are spoken to. Nothing is read or connected before the first request. */
export interface RemoteOptions {
  /** http even where https would be tried. */
  plainHttp?: boolean;
  /** Accept any server certificate. */
  skipVerify?: boolean;
  /** Paths of PEM files: an authority trusted beside the system's, a client certificate with its key. */
  tls?: { caFile?: string; certFile?: string; keyFile?: string };
  credentials?: CredentialSource;
  /** Directories laid out as containerd's certs.d, with a `hosts.toml` or Docker's certificates for each host. */
  hostsDirs?: readonly string[];
  /** Sent to registries, and no further than credentials; asked for once. */
  headers?: () => Promise<Readonly<Record<string, string>>>;
  /** Told requests and responses, headers only, secrets left out: `--http-dump`. */
  dump?: (text: string) => void;
  /** Told what happens on the way: redirects, retries, tokens, times: `--http-trace`. */
  trace?: (text: string) => void;
  pace?: Partial<Pace>;
}

/** How patient requests are. */
export interface Pace {
  /** From a request to its response's headers, connecting included. Pull-through caches take their time. */
  responseMs: number;
  /** From one piece of an upload to the next, or to the answer: registries hash what they got, or move it to where it stays. */
  uploadMs: number;
  /** In this time a body must bring at least a kibibyte, or its end. */
  stallMs: number;
  /** A part that others overtake for so long is asked for again, from where it stopped. */
  stragglingMs: number;
  /** Requests in all, for one that meets passing failures. */
  tries: number;
  /** Before the second try; each further wait is twice as long, all with jitter. */
  firstDelayMs: number;
  /** The longest that `Retry-After` makes us wait. */
  longestDelayMs: number;
}

export const DEFAULT_PACE: Pace = {
  responseMs: 60_000,
  uploadMs: 300_000,
  stallMs: 30_000,
  stragglingMs: 3_000,
  tries: 5,
  firstDelayMs: 300,
  longestDelayMs: 60_000,
};
