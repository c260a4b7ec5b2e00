import type { Descriptor } from "./descriptor.ts";
import type { Digest } from "./digest.ts";
import type { Labels } from "./labels.ts";
import type { Mount } from "./mount.ts";

export interface ApplyOptions {
  /** Bytes of the uncompressed layer unpacked so far. */
  onProgress?: (bytes: number) => void;
  signal?: AbortSignal;
}

/** What came of a layer: the descriptor of its uncompressed tar, and what is left to do. */
export interface AppliedLayer extends Descriptor {
  /** Directories that the layer only implies, where it was not known yet what the layers below have there. */
  unsettled: readonly string[];
  /** Else it is to be synced, once it is settled: one that was written apart can be with others. */
  isDurable: boolean;
}

export interface CompareOptions {
  /** An OCI layer's: tar, `+gzip` (the default) or `+zstd`. */
  mediaType?: string;
  /** Of the ingest; one that exists is started over, and stays when this fails. Default: one of its own, which goes. */
  ref?: string;
  /** Of the blob. */
  labels?: Labels;
  /** No time in the layer is later, and whiteouts have this one (1970 without it): SOURCE_DATE_EPOCH. */
  sourceDateEpoch?: Date;
  /** Told of the blob's digest before it exists, so that a lease holds it. */
  protect?: (digest: Digest) => void;
  /** Bytes of the uncompressed layer made so far. */
  onProgress?: (bytes: number) => void;
  signal?: AbortSignal;
}

/** Makes and unpacks layers. Hostile ones change nothing outside of the mounted tree and name their bad entry in the error. */
export interface Differ {
  /**
   * Reads the layer from the content store, verifies its digest and size on the way, writes its entries through
   * `onto` (OCI image spec, layer.md; whiteouts as the mount's kind needs them), makes them durable and answers the
   * descriptor of the uncompressed tar, whose digest the caller compares with the image's diff ID. Throws DataLoss for
   * bytes that do not match, InvalidArgument for a bad entry. On failure the tree is half written and must be removed.
   *
   * An overlay without lower directories is one whose parents are not there yet. InvalidArgument or FailedPrecondition
   * can then mean that the layer needs them; whoever has them calls `settle`. Only there may it stay to be synced.
   */
  apply(layer: Descriptor, onto: readonly Mount[], options?: ApplyOptions): Promise<AppliedLayer>;
  /**
   * Gives what `apply` left unsettled the attributes that the layers below have there: `onto` is the same overlay with
   * its parents. What it changes is to be synced. Throws FailedPrecondition when the layer must be applied anew above them.
   */
  settle(onto: readonly Mount[], unsettled: readonly string[]): Promise<void>;
  /**
   * Makes the layer that turns what `lower` shows into what `upper` shows, stores it and answers its descriptor; its
   * label `containerd.io/uncompressed` is its diff ID. The entries are those that containerd makes for the same
   * change, and equal trees make equal bytes. A tree that others write to meanwhile is read as it is found. Throws
   * NotImplemented for another media type, Unavailable when a file shrinks while it is read.
   */
  compare(lower: readonly Mount[], upper: readonly Mount[], options?: CompareOptions): Promise<Descriptor>;
}
