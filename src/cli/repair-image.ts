import type { ImageCheck } from "../client/images/check-image.ts";
import { repairImage } from "../client/images/repair-image.ts";
import { openResolver, type RemoteOptions } from "../client/images/resolver.ts";
import type { Client } from "../client/open.ts";
import type { Image } from "../core/records.ts";
import type { Context } from "./context.ts";
import { openProgress } from "./progress/open-progress.ts";

export interface ShownRepair {
  remote: RemoteOptions;
  snapshotter: string | undefined;
  quiet: boolean;
}

/** Repairs with a live screen, where there is a terminal to show it on. */
export async function repairShown(
  client: Client,
  image: Image,
  check: Pick<ImageCheck, "damaged">,
  { remote, snapshotter, quiet }: ShownRepair,
  { globals, signal }: Context,
): Promise<void> {
  const resolver = await openResolver(remote);
  using progress = await openProgress({ quiet: quiet || globals.debug });
  await repairImage(client, image, check, { resolver, snapshotter, signal, onProgress: progress.onProgress });
}
