import { type Labels, labelNames } from "../../core/labels.ts";

/** Keeps what was made by hand, and what nothing refers to, from being collected. */
export function gcRootLabel(): Labels {
  return { [labelNames.gcRoot]: new Date().toISOString().replace(/\.\d+/, "") };
}
