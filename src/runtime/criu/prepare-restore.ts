import { chmodSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { requireCriu } from "./program.ts";
import { letStreamsAppend } from "./streams.ts";

interface MappedSpec {
  linux?: { uidMappings?: unknown[] };
}

/**
 * Brings criu's images, in a directory that only root can get at, to where a container of that spec can be restored
 * from them. Throws NotFound for a missing criu.
 */
export function prepareRestore(imageDir: string, { linux = {} }: MappedSpec): void {
  requireCriu();
  letStreamsAppend(imageDir);
  if (linux.uidMappings?.length) admitMappedRoot(imageDir);
}

/** criu reads them from inside too, before and after it becomes the user namespace's root: by a descriptor it has. */
function admitMappedRoot(imageDir: string): void {
  chmodSync(imageDir, 0o711);
  for (const name of readdirSync(imageDir)) chmodSync(join(imageDir, name), 0o644);
}
