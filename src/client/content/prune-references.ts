import type { Digest } from "../../core/digest.ts";
import { labelNames } from "../../core/labels.ts";
import type { Client } from "../open.ts";

export interface LayerReference {
  digest: Digest;
  label: string;
}

/**
 * Lets layers go that are kept for manifests alone: their snapshots stay, and so images still run. Answers the labels
 * that this removes, or would remove in a `dryRun`; the blobs go with the next collection.
 */
export async function pruneReferences(client: Client, { dryRun = false } = {}): Promise<LayerReference[]> {
  const content = await client.content();
  const removed: LayerReference[] = [];
  for await (const { digest, labels } of content.walk()) {
    const layers = Object.keys(labels).filter(isLayerReference);
    removed.push(...layers.map((label) => ({ digest, label })));
    if (dryRun || layers.length === 0) continue;
    await content.label(digest, Object.fromEntries(layers.map((label) => [label, ""])));
  }
  return removed;
}

/** `….l.N`, or as containerd wrote them before 1.3, `….N`, of which the first was the config. */
function isLayerReference(label: string): boolean {
  if (!label.startsWith(`${labelNames.gcRefContent}.`)) return false;
  const name = label.slice(labelNames.gcRefContent.length + 1);
  return name.startsWith("l.") || (/^\d+$/.test(name) && Number(name) > 0);
}
