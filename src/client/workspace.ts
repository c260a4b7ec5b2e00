import { rmSync } from "node:fs";
import { join } from "node:path";
import { abandonedPlaces, makePlace } from "../files/places.ts";
import type { Client } from "./open.ts";

/** Below the root: what is made there is as large as a container's memory, or as a layer. */
const workspaces = ({ root }: Pick<Client, "root">): string => join(root, "work");

/** Runs the work with an empty directory for files that other programs make or read, gone afterwards. */
export async function withWorkspace<T>(client: Client, work: (path: string) => Promise<T>): Promise<T> {
  const path = makePlace(workspaces(client));
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
