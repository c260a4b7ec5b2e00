import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { randomHex } from "../core/random.ts";
import { asSysError } from "../sys/errno.ts";
import type { Client } from "./open.ts";
import { abandonedPlaces, ownName } from "./snapshots/rootfs-view.ts";

/** Below the root: what is made there is as large as a container's memory, or as a layer. */
const workspaces = ({ root }: Pick<Client, "root">): string => join(root, "work");

/** Runs the work with an empty directory for files that other programs make or read, gone afterwards. */
export async function withWorkspace<T>(client: Client, work: (path: string) => Promise<T>): Promise<T> {
  const path = join(workspaces(client), `${ownName()}-${randomHex(4)}`);
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw asSysError(error, path);
  }
  try {
    return await work(path);
  } finally {
    removeWorkspace(path);
  }
}

/** Those whose process was killed. */
export const abandonedWorkspaces = (client: Pick<Client, "root">): string[] =>
  abandonedPlaces(workspaces(client));

export function removeWorkspace(path: string): void {
  rmSync(path, { recursive: true, force: true });
}
