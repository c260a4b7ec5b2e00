import { CtrError } from "../../core/errors.ts";
import type { Mount } from "../../core/mount.ts";
import type { SnapshotKind } from "../../core/snapshotter.ts";
import type { OwnerMapping } from "../storage.ts";

/** Kernel, OVL_MAX_STACK. */
export const MAX_LOWERS = 500;

export interface Layers {
  kind: SnapshotKind;
  upper: string;
  work: string;
  /** The topmost first. */
  lowers: readonly string[];
  owners?: OwnerMapping;
  /** An overlay whose lower directories are not known yet: to be written to, not to be mounted. */
  isApart?: boolean;
}

/**
 * As containerd mounts them: without parents there is nothing to overlay, and a view of one layer is that layer.
 * Kernel, overlayfs.rst: the leftmost lower directory is on top. Throws FailedPrecondition for more layers than it takes.
 */
export function overlayMounts(
  { kind, upper, work, lowers, owners, isApart = false }: Layers,
  kernelOptions: readonly string[],
): Mount[] {
  const isView = kind === "View";
  const [onlyLower] = lowers;
  if (onlyLower === undefined && !isApart) return [bind(upper, isView ? "ro" : "rw")];
  if (isView && lowers.length === 1) return [bind(onlyLower!, "ro")];
  if (lowers.length > MAX_LOWERS) {
    throw new CtrError("FailedPrecondition", `overlay of ${lowers.length} layers (at most ${MAX_LOWERS})`, {
      hint: "use another snapshotter: --snapshotter native",
    });
  }
  const options = [...kernelOptions];
  if (!isView) options.push(`workdir=${escaped(work)}`, `upperdir=${escaped(upper)}`);
  if (lowers.length > 0) options.push(`lowerdir=${lowers.map(escapedLower).join(":")}`);
  if (!isView && owners)
    options.push(...optionsOf("uidmap", owners.uidMaps), ...optionsOf("gidmap", owners.gidMaps));
  return [{ type: "overlay", source: "overlay", options }];
}

const optionsOf = (name: string, maps: readonly string[]): string[] => maps.map((map) => `${name}=${map}`);

function bind(source: string, access: "ro" | "rw"): Mount {
  return { type: "bind", source, options: [access, "rbind"] };
}

function escapedLower(directory: string): string {
  return escaped(directory).replaceAll(":", "\\:");
}

function escaped(directory: string): string {
  return directory.replace(/[\\,]/g, "\\$&");
}
