import type { Mount } from "../../core/mount.ts";
import { formatJson } from "./json.ts";

/** The commands that would mount a snapshot, one to a line. */
export function formatMountCommands(mounts: readonly Mount[], target: string): string {
  return mounts
    .map(({ type, source, target: below, options }) => {
      const place = below ? `${target}/${below}` : target;
      return `mount -t ${type} ${source} ${place} -o ${options.join(",")}\n`;
    })
    .join("");
}

export function formatMountsJson(mounts: readonly Mount[]): string {
  return formatJson(
    mounts.map(({ type, source, target, options }) => {
      return { Type: type, Source: source, Target: target, Options: options };
    }),
  );
}
