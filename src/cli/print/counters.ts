import type { Measured } from "../../core/metrics.ts";

/** As Go writes a protobuf message with two spaces: fields that are zero, empty texts and empty lists are left out. */
export function formatCounters(values: Measured): string {
  return `${JSON.stringify(values, withoutZeros, 2)}\n`;
}

/** JSON.stringify has no numbers beyond 2^53; the kernel has. */
const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown };

/** What has a place in a list keeps it. */
function withoutZeros(this: unknown, _key: string, value: unknown): unknown {
  if (typeof value === "bigint")
    return value === 0n && !Array.isArray(this) ? undefined : rawJSON(`${value}`);
  if (value === "" || (Array.isArray(value) && value.length === 0)) return undefined;
  return value;
}
