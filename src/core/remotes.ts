import type { ContentProvider } from "./content.ts";
import type { Descriptor } from "./descriptor.ts";
import type { Digest } from "./digest.ts";

/** Finds what a reference names in a registry. OCI distribution spec. */
export interface Resolver {
  /**
   * A HEAD, or a GET where the registry answers no digest to HEAD. `name` is the reference in full. Throws NotFound,
   * InvalidArgument for a bad reference, Unauthenticated, PermissionDenied, Unavailable.
   */
  resolve(ref: string, signal?: AbortSignal): Promise<{ name: string; target: Descriptor }>;
  fetcher(ref: string): Fetcher;
  pusher(ref: string): Pusher;
  /**
   * What says of itself that it is about a digest of the reference's repository: signatures, attestations, bills of
   * materials. Empty when there is nothing. Throws InvalidArgument for a list that is none, and as `resolve`.
   */
  referrers(ref: string, subject: Digest, options?: ReferrersOptions): Promise<Descriptor[]>;
}

export interface ReferrersOptions {
  /** Those of this type alone. */
  artifactType?: string;
  signal?: AbortSignal;
}

export interface FetchOptions {
  /** First byte wanted; a registry that cannot answer ranges is read from the start and the rest thrown away. */
  offset?: number;
  signal?: AbortSignal;
}

/** Reads blobs and manifests of one repository. */
export interface Fetcher {
  /**
   * The bytes of a descriptor from `offset` on. Broken connections, 429 and 5xx are retried with backoff, resuming
   * where the stream stopped. Never yields more than `size` bytes; the caller (the content store) checks the digest.
   */
  fetch(descriptor: Descriptor, options?: FetchOptions): AsyncIterable<Uint8Array>;
  /** Asks for the size of what is known by digest and kind alone. Throws as `fetch`. */
  describe(wanted: Pick<Descriptor, "digest" | "mediaType">, signal?: AbortSignal): Promise<Descriptor>;
}

export interface PushOptions {
  /** The descriptor is what the reference is to name: pushed under its tag, where it has one. */
  isTarget?: boolean;
  /** Repositories of the same registry that have had the blob: it may be mounted from there without its bytes. */
  mountFrom?: readonly string[];
  /** The document is about another, and is to be found by it: in the registry's list, or in one that clients keep. */
  referral?: Referral;
  /** Told the bytes sent so far; they go back when an upload starts over. */
  onSent?: (offset: number) => void;
  signal?: AbortSignal;
}

/** What a list of referrers says of a document, besides its descriptor. */
export interface Referral {
  subject: Digest;
  artifactType?: string;
  annotations?: Record<string, string>;
}

/** `exists`: it was there. `mounted`: taken from another repository. `pushed`: its bytes were sent. */
export type PushOutcome = "exists" | "mounted" | "pushed";

/** Writes blobs and manifests to one repository, by the first registry host that takes pushes. */
export interface Pusher {
  /**
   * Brings a descriptor's bytes to the repository; asks first, so that nothing is sent twice, and opens `content` only
   * when bytes are wanted. Idempotent: a push that was broken off is simply repeated. Broken connections, 429 and 5xx
   * are tried again with backoff, uploads from where the registry has them. A manifest may be refused before what it
   * names is there: children first. Throws NotFound (also from `content`), Unauthenticated, PermissionDenied,
   * InvalidArgument when the registry refuses the bytes, DataLoss when it stored others, Unavailable.
   */
  push(descriptor: Descriptor, content: ContentProvider, options?: PushOptions): Promise<PushOutcome>;
}
