import { CtrError, withSubject } from "../../core/errors.ts";
import { chainIds } from "../../core/manifest.ts";
import type { SnapshotUsage } from "../../core/snapshotter.ts";
import { committedState } from "../../images/committed-state.ts";
import type { Client } from "../open.ts";
import { findImage, openImage } from "./images.ts";

export interface LayerUsage extends SnapshotUsage {
  key: string;
}

/**
 * What each layer of an unpacked image takes up on disk, the topmost first. Throws NotFound, FailedPrecondition when
 * the image is not unpacked in that snapshotter.
 */
export async function imageUsage(
  client: Client,
  name: string,
  snapshotterName?: string,
): Promise<LayerUsage[]> {
  const image = await findImage(client, name).catch((error) => {
    throw withSubject(`failed to ensure if image ${name} exists`, error);
  });
  const { config } = await openImage(client, image);
  const snapshotter = await client.snapshotter(snapshotterName);
  const top = chainIds(config.diffIds).at(-1) ?? "";
  if (top && (await committedState(snapshotter, top)) !== "intact") {
    const what = `image ${image.name} isn't unpacked in snapshotter ${snapshotter.name}`;
    throw new CtrError("FailedPrecondition", what, {
      hint: `unpack it with: ctr images pull --snapshotter ${snapshotter.name} ${image.name}`,
    });
  }
  const layers: LayerUsage[] = [];
  for (let key = top as string; key; key = (await snapshotter.stat(key)).parent) {
    layers.push({ key, ...(await snapshotter.usage(key)) });
  }
  return layers;
}
