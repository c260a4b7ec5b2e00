import { CtrError, hasCode, ifPresent } from "../../core/errors.ts";
import type { Labels } from "../../core/labels.ts";
import { hostPlatform, type Platform } from "../../core/platform.ts";
import type { Image } from "../../core/records.ts";
import { parseReference } from "../../core/reference.ts";
import {
  imagePlatforms,
  imageSizeBytes,
  type LocalImage,
  readImage,
  readManifest,
} from "../../images/read-image.ts";
import type { Client } from "../open.ts";

/** By its name as recorded, or by a short name that stands for it (`busybox`). Throws NotFound. */
export async function findImage(client: Client, name: string): Promise<Image> {
  const images = await client.images();
  const called = (name: string | undefined) => (name ? ifPresent(() => images.get(name)) : undefined);
  const found = called(name) ?? called(fullName(name));
  if (found) return found;
  throw new CtrError("NotFound", `image ${JSON.stringify(name)}`, {
    hint: `pull it with: ctr images pull ${name}`,
  });
}

function fullName(name: string): string | undefined {
  try {
    return parseReference(name).name;
  } catch {
    return undefined;
  }
}

/** The image's manifest and config for a platform. Throws NotFound when the content store lacks them. */
export async function openImage(
  client: Client,
  image: Image,
  platform: Platform = hostPlatform(),
): Promise<LocalImage> {
  return readImage(await client.content(), image.target, platform);
}

export interface ImageSummary extends Image {
  /** Undefined when the content store lacks a document, or has no manifest for this host. */
  sizeBytes: number | undefined;
  platforms: string[];
}

/** Reads documents, no layers; what is missing or damaged is no failure. */
export async function summarizeImage(client: Client, image: Image): Promise<ImageSummary> {
  const content = await client.content();
  const platforms = await imagePlatforms(content, image.target);
  try {
    const sizeBytes = imageSizeBytes(await readManifest(content, image.target, hostPlatform()));
    return { ...image, platforms, sizeBytes };
  } catch (error) {
    if (!hasCode(error, "NotFound", "DataLoss", "NotImplemented")) throw error;
    return { ...image, platforms, sizeBytes: undefined };
  }
}

/** Throws NotFound for the source, AlreadyExists for the target unless `force`. */
export async function tagImage(
  client: Client,
  source: string,
  target: string,
  { force = false } = {},
): Promise<Image> {
  const { target: descriptor, labels } = await findImage(client, source);
  const metadata = await client.metadata();
  const images = await client.images();
  return metadata.transaction(() => {
    try {
      return images.create({ name: target, target: descriptor, labels });
    } catch (error) {
      if (!force || !hasCode(error, "AlreadyExists")) throw error;
      return images.update(target, () => ({ name: target, target: descriptor, labels }));
    }
  });
}

/** `change` answers all labels from those that are there, inside one transaction. Throws NotFound, InvalidArgument. */
export async function labelImage(
  client: Client,
  name: string,
  change: (labels: Labels) => Labels,
): Promise<Image> {
  const images = await client.images();
  return images.update((await findImage(client, name)).name, (image) => ({
    ...image,
    labels: change(image.labels),
  }));
}
