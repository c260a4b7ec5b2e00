import { basename, join } from "node:path";
import type { ContentSweeper, IngestName, IngestRule } from "../core/collector.ts";
import { type Digest, isDigest } from "../core/digest.ts";
import { hasCode } from "../core/errors.ts";
import { listNames } from "../files/list-names.ts";
import { dropIngest, hasWriter, holdExistingIngest, ingestId, isForNobody, readIngest } from "./ingest.ts";
import { blobSize, type ContentLayout, layoutBelow } from "./layout.ts";
import { removeBlobFile } from "./store.ts";

/** Over the bytes of all namespaces below the state directory `root`. */
export function openContentSweeper(root: string): ContentSweeper {
  const layout = layoutBelow(root);
  return {
    async blobs() {
      return listNames(layout.blobs).flatMap((algorithm) =>
        listNames(join(layout.blobs, algorithm))
          .map((hex) => `${algorithm}:${hex}`)
          .filter((name): name is Digest => isDigest(name)),
      );
    },
    blobSize: async (digest) => blobSize(layout, digest),
    removeBlob: async (digest) => removeBlobFile(layout, digest),
    async staleIngests(rule) {
      const stale = [...staleDirectories(layout, rule)].filter((directory) => !hasWriter(directory));
      return stale.map((directory) => {
        const { ref = basename(directory), offset = 0 } = readIngest(directory) ?? {};
        return { ref, sizeBytes: offset };
      });
    },
    async removeIngests(rule) {
      const removed = { ingests: 0, sizeBytes: 0 };
      for (const directory of staleDirectories(layout, rule)) {
        const sizeBytes = await removeIngest(directory);
        if (sizeBytes === undefined) continue;
        removed.ingests += 1;
        removed.sizeBytes += sizeBytes;
      }
      return removed;
    },
  };
}

/** Each judged when it is its turn. */
function* staleDirectories(layout: ContentLayout, rule: IngestRule): Iterable<string> {
  const [kept, released] = [idsOf(rule.leased), idsOf(rule.released)];
  for (const id of listNames(layout.ingests).filter((id) => !kept.has(id))) {
    const directory = join(layout.ingests, id);
    const isStale = released.has(id) || isForNobody(directory) || isOlder(directory, rule.untouchedSince);
    if (isStale) yield directory;
  }
}

function idsOf(names: readonly IngestName[]): Set<string> {
  return new Set(names.map(({ namespace, ref }) => ingestId(namespace, ref)));
}

/** Answers the bytes freed; undefined when it is gone, or has a writer. */
async function removeIngest(directory: string): Promise<number | undefined> {
  try {
    const held = await holdExistingIngest(directory, directory);
    if (!held) return undefined;
    const status = readIngest(directory);
    dropIngest(held);
    return status?.offset ?? 0;
  } catch (error) {
    if (hasCode(error, "Unavailable")) return undefined;
    throw error;
  }
}

function isOlder(directory: string, time: Date): boolean {
  const ingest = readIngest(directory);
  return ingest !== undefined && ingest.updatedAt < time;
}
