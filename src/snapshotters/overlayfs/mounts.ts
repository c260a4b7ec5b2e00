import type { Mount } from "../../core/mount.ts";
import type { SnapshotKind } from "../../core/snapshotter.ts";
import type { OwnerMapping } from "../storage.ts";

export interface Layers {
  kind: SnapshotKind;
  upper: string;
  work: string;
  /** The topmost first. */
  lowers: readonly string[];
  owners?: OwnerMapping;
}

/**
 * As containerd mounts them: without parents there is nothing to overlay, and a view of one layer is that layer.
 * Kernel, overlayfs.rst: the leftmost lower directory is on top.
 */
export function overlayMounts(
  { kind, upper, work, lowers, owners }: Layers,
  kernelOptions: readonly string[],
): Mount[] {
  const isView = kind === "View";
  const [onlyLower] = lowers;
  if (onlyLower === undefined) return [bind(upper, isView ? "ro" : "rw")];
  if (isView && lowers.length === 1) return [bind(onlyLower, "ro")];
  const options = [...kernelOptions];
  if (!isView) options.push(`workdir=${escaped(work)}`, `upperdir=${escaped(upper)}`);
  options.push(`lowerdir=${lowers.map((lower) => escaped(lower).replaceAll(":", "\\:")).join(":")}`);
  if (!isView && owners)
    options.push(...optionsOf("uidmap", owners.uidMaps), ...optionsOf("gidmap", owners.gidMaps));
  return [{ type: "overlay", source: "overlay", options }];
}

const optionsOf = (name: string, maps: readonly string[]): string[] => maps.map((map) => `${name}=${map}`);

function bind(source: string, access: "ro" | "rw"): Mount {
  return { type: "bind", source, options: [access, "rbind"] };
}

function escaped(directory: string): string {
  return directory.replace(/[\\,]/g, "\\$&");
}
