import { rmdirSync } from "node:fs";
import { cgroupsAt } from "../../runtime/cgroup.ts";
import { asSysError } from "../../sys/errno.ts";

/** Removes the cgroup that containers of a namespace had theirs in. Throws when something still runs there. */
export function removeNamespaceCgroup(namespace: string): void {
  for (const directory of cgroupsAt(`/${namespace}`).values()) {
    try {
      rmdirSync(directory);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw asSysError(error, directory);
    }
  }
}
