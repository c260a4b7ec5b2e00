import { statSync } from "node:fs";
import { join } from "node:path";
import { type Digest, splitDigest } from "../core/digest.ts";

/**
 * Below the state directory, shared by all namespaces:
 *
 *     content/blobs/ALGORITHM/HEX    whole and synced before it got this name; mode 0444
 *     content/ingest/ID/             bytes on the way in; ID is a hash of namespace and ref
 *         lock                       locked while a writer lives; says which
 *         ref                        of which namespace tells ID
 *         total                      bytes expected, 0 when unknown
 *         data                       bytes so far; becomes the blob
 *         damaged                    there when `data` did not match: the next writer starts over
 */
export interface ContentLayout {
  readonly root: string;
  readonly blobs: string;
  readonly ingests: string;
}

export function layoutBelow(root: string): ContentLayout {
  return { root, blobs: join(root, "content", "blobs"), ingests: join(root, "content", "ingest") };
}

export function blobPath({ blobs }: ContentLayout, digest: Digest): string {
  const { algorithm, hex } = splitDigest(digest);
  return join(blobs, algorithm, hex);
}

/** Undefined when there is no such file. */
export function blobSize(layout: ContentLayout, digest: Digest): number | undefined {
  return statSync(blobPath(layout, digest), { throwIfNoEntry: false })?.size;
}
