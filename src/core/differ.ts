import type { Descriptor } from "./descriptor.ts";
import type { Mount } from "./mount.ts";

export interface ApplyOptions {
  /** Bytes of the uncompressed layer unpacked so far. */
  onProgress?: (bytes: number) => void;
  signal?: AbortSignal;
}

/** Unpacks layers. Hostile ones change nothing outside of the mounted tree and name their bad entry in the error. */
export interface Differ {
  /**
   * Reads the layer from the content store, verifies its digest and size on the way, writes its entries through
   * `onto` (OCI image spec, layer.md; whiteouts as the mount's kind needs them) and answers the descriptor of the
   * uncompressed tar, whose digest the caller compares with the image's diff ID. Throws DataLoss for bytes that do
   * not match, InvalidArgument for a bad entry. On failure the tree is half written and must be removed.
   */
  apply(layer: Descriptor, onto: readonly Mount[], options?: ApplyOptions): Promise<Descriptor>;
}
