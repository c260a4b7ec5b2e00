import type { Labels } from "../../core/labels.ts";

/** `a=1,b=2` in key order; `empty` stands for none. */
export function formatLabels(labels: Labels, empty = "-"): string {
  const pairs = Object.keys(labels)
    .sort()
    .map((key) => `${key}=${labels[key]}`);
  return pairs.join(",") || empty;
}
