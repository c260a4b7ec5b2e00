import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { randomHex } from "../core/random.ts";
import { asSysError } from "../sys/errno.ts";
import type { Client } from "./open.ts";
import { abandonedPlaces, ownName } from "./rootfs-view.ts";

/** Below the root, since they are as large as the memory of what is checkpointed. */
const imagesDirs = ({ root }: Pick<Client, "root">): string => join(root, "checkpoints");

/** Runs the work with an empty directory for criu's images, gone afterwards. */
export async function withImagesDir<T>(client: Client, work: (path: string) => Promise<T>): Promise<T> {
  const path = join(imagesDirs(client), `${ownName()}-${randomHex(4)}`);
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw asSysError(error, path);
  }
  try {
    return await work(path);
  } finally {
    removeImagesDir(path);
  }
}

/** Those whose process was killed. */
export const abandonedImagesDirs = (client: Pick<Client, "root">): string[] =>
  abandonedPlaces(imagesDirs(client));

export function removeImagesDir(path: string): void {
  rmSync(path, { recursive: true, force: true });
}
