import type { ContentProvider, ContentStore } from "../core/content.ts";
import type { ContentRecordStore } from "../core/records.ts";
import { blobPath, blobSize, layoutBelow } from "./layout.ts";
import { openBlobReader } from "./reader.ts";
import { LocalContentStore } from "./store.ts";

export { openContentSweeper } from "./sweeper.ts";

export interface ContentStoreOptions {
  /** The state directory; made by the first write. */
  root: string;
  namespace: string;
  /** Of the same namespace. */
  records: ContentRecordStore;
}

/** Touches nothing on disk until it is used. */
export function openContentStore({ root, namespace, records }: ContentStoreOptions): ContentStore {
  return new LocalContentStore(layoutBelow(root), namespace, records);
}

/** All bytes below the state directory, whichever namespace they are in: for who was told by one that they are. */
export function openBlobs(root: string): ContentProvider {
  const layout = layoutBelow(root);
  return {
    reader: async (digest) => openBlobReader(blobPath(layout, digest), digest, blobSize(layout, digest) ?? 0),
  };
}
