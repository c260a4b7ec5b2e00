import { hasCode } from "../core/errors.ts";
import type { Snapshotter } from "../core/snapshotter.ts";

/** `lost`: there is a record of it, but its bytes, or a parent's, are gone from the disk. */
export async function committedState(
  snapshotter: Snapshotter,
  name: string,
): Promise<"absent" | "lost" | "intact"> {
  try {
    if ((await snapshotter.stat(name)).kind !== "Committed") return "absent";
    return (await snapshotter.isIntact?.(name)) === false ? "lost" : "intact";
  } catch (error) {
    if (hasCode(error, "NotFound")) return "absent";
    throw error;
  }
}
