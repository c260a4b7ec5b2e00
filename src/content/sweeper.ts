import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { ContentSweeper, IngestRule } from "../core/collector.ts";
import { type Digest, isDigest } from "../core/digest.ts";
import { hasCode } from "../core/errors.ts";
import { asSysError, hasErrno } from "../sys/errno.ts";
import { dropIngest, holdExistingIngest, ingestDirectories, ingestId, readIngest } from "./ingest.ts";
import { layoutBelow } from "./layout.ts";
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
    removeBlob: async (digest) => removeBlobFile(layout, digest),
    async removeIngests(rule) {
      const leased = new Set(rule.leased.map(({ namespace, ref }) => ingestId(namespace, ref)));
      const removed = { ingests: 0, sizeBytes: 0 };
      for (const id of ingestDirectories(layout)) {
        if (leased.has(id)) continue;
        const sizeBytes = await removeStaleIngest(join(layout.ingests, id), rule.untouchedSince);
        if (sizeBytes === undefined) continue;
        removed.ingests += 1;
        removed.sizeBytes += sizeBytes;
      }
      return removed;
    },
  };
}

/** Answers the bytes freed; undefined when it stays. */
async function removeStaleIngest(directory: string, untouchedSince: IngestRule["untouchedSince"]) {
  if (!isOlder(directory, untouchedSince)) return undefined;
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

/** A directory whose maker was killed before it wrote its ref has only a time of its own. */
function isOlder(directory: string, time: Date): boolean {
  const updatedAt = readIngest(directory)?.updatedAt ?? statSync(directory, { throwIfNoEntry: false })?.mtime;
  return updatedAt !== undefined && updatedAt < time;
}

function listNames(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (hasErrno(error, "ENOENT", "ENOTDIR")) return [];
    throw asSysError(error, directory);
  }
}
