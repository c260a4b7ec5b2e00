import { join } from "node:path";
import { openContentStore } from "../../src/content/index.ts";
import type { ContentStore } from "../../src/core/content.ts";
import { type Metadata, openMetadata } from "../../src/metadata/index.ts";

/** The content store of a namespace with its database below `root`. Disposing closes the database. */
export function openContent(
  root: string,
  namespace: string,
): ContentStore & Disposable & { metadata: Metadata } {
  const metadata = openMetadata(join(root, "metadata.db"));
  const store = openContentStore({ root, namespace, records: metadata.content(namespace) });
  return Object.assign(store, { metadata, [Symbol.dispose]: () => metadata.close() });
}
