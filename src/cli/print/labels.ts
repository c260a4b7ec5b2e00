import type { Labels } from "../../core/labels.ts";

/** `a=1,b=2` in key order; `empty` stands for none. */
export function formatLabels(labels: Labels, empty = "-"): string {
  const pairs = Object.keys(labels)
    .sort()
    .map((key) => `${key}=${labels[key]}`);
  return pairs.join(",") || empty;
}

/** As Go writes a map into JSON: in key order. */
export const sortLabels = (labels: Labels): Labels =>
  Object.fromEntries(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
