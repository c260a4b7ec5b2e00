import { readFileSync } from "node:fs";
import { isConfigAwaited } from "./awaited-config.ts";
import { type Bundle, configPath } from "./bundle.ts";
import { type Cgroups, cgroupsAt } from "./cgroup.ts";

/**
 * By the container's spec, whoever made them and whether they exist. None for a path of one component, which is
 * somebody's parent group, and for systemd's slices.
 */
export function readSpecCgroups(bundle: Bundle): Cgroups {
  if (isConfigAwaited(bundle)) return new Map();
  try {
    const spec = JSON.parse(readFileSync(configPath(bundle), "utf8"));
    const path: unknown = spec.linux?.cgroupsPath;
    const isOwn =
      typeof path === "string" && path.startsWith("/") && path.split("/").filter(Boolean).length > 1;
    return isOwn ? cgroupsAt(path) : new Map();
  } catch {
    // Not written yet, or by halves: then no runtime has seen it.
    return new Map();
  }
}
