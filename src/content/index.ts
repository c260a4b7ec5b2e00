import type { ContentStore } from "../core/content.ts";
import type { ContentRecordStore } from "../core/records.ts";
import { layoutBelow } from "./layout.ts";
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
