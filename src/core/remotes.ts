import type { Descriptor } from "./descriptor.ts";

/** Finds what a reference names in a registry. OCI distribution spec. */
export interface Resolver {
  /**
   * A HEAD, or a GET where the registry answers no digest to HEAD. `name` is the reference in full. Throws NotFound,
   * InvalidArgument for a bad reference, Unauthenticated, PermissionDenied, Unavailable.
   */
  resolve(ref: string, signal?: AbortSignal): Promise<{ name: string; target: Descriptor }>;
  fetcher(ref: string): Fetcher;
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
}
