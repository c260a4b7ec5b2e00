import { UsageError } from "../usage-error.ts";

/** Of a flag that hands words on to mkfs.erofs, separated by blanks. */
export const mkfsWords = (text: string | undefined): string[] => (text ?? "").split(/\s+/).filter(Boolean);

/** `raw`, or `zstd` around it. Throws UsageError. */
export function erofsWrapping(text: string): "none" | "zstd" {
  if (text === "raw") return "none";
  if (text === "zstd") return "zstd";
  throw new UsageError(`unsupported erofs format "${text}", supported: raw, zstd`);
}
