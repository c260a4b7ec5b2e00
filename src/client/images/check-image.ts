import type { Descriptor } from "../../core/descriptor.ts";
import { CtrError } from "../../core/errors.ts";
import { formatPlatform, hostPlatform } from "../../core/platform.ts";
import type { ProgressListener } from "../../core/progress.ts";
import type { Image } from "../../core/records.ts";
import {
  type ContentCheck,
  checkContent,
  createBlobInspector,
  findDamage,
  type InspectBlob,
  isUnpacked,
} from "../../images/check.ts";
import type { Client } from "../open.ts";

export interface CheckOptions {
  snapshotter?: string;
  /** Hash every byte that is here of the image, of all platforms, instead of trusting what has the right size. */
  verify?: boolean;
  /** Made by `createInspector`, for several images that share blobs: none is hashed twice. */
  inspect?: InspectBlob;
  onProgress?: ProgressListener;
  signal?: AbortSignal;
}

/** How an image stands on this host's platform; documents above config and layers are not counted. */
export interface ImageCheck {
  /** `unavailable`: its manifest is not here; `error`: a document of it is malformed. `damaged` needs `verify`. */
  status: "complete" | "incomplete" | "damaged" | "unavailable" | "error";
  present: Extent;
  /** Undefined where nobody can tell. */
  required: Extent | undefined;
  /** Undefined for an artifact, which has no root filesystem. */
  isUnpacked: boolean | undefined;
  damaged: Descriptor[];
  /** Why the content, or whether it is unpacked, cannot be told. */
  contentFailure?: unknown;
  unpackFailure?: unknown;
}

export interface Extent {
  blobs: number;
  sizeBytes: number;
}

export async function createInspector(
  client: Client,
  options: Pick<CheckOptions, "verify" | "onProgress" | "signal">,
): Promise<InspectBlob> {
  return createBlobInspector(await client.content(), { byHash: options.verify ?? false, ...options });
}

/** Says how complete an image is. Changes nothing; failures that belong to the image are in the answer. */
export async function checkImage(
  client: Client,
  image: Image,
  options: CheckOptions = {},
): Promise<ImageCheck> {
  const content = await client.content();
  const inspect = options.inspect ?? (await createInspector(client, options));
  try {
    const found = await checkContent(content, image.target, hostPlatform(), inspect);
    const damaged = options.verify ? await findDamage(content, image.target, inspect) : [];
    return {
      ...countContent(found, damaged),
      damaged,
      ...(await checkUnpacked(client, image, found, options)),
    };
  } catch (error) {
    options.signal?.throwIfAborted();
    return {
      status: "error",
      present: { blobs: 0, sizeBytes: 0 },
      required: undefined,
      damaged: [],
      contentFailure: error,
      ...(await checkUnpacked(client, image, undefined, options)),
    };
  }
}

function countContent(
  found: ContentCheck | undefined,
  damaged: readonly Descriptor[],
): Pick<ImageCheck, "status" | "present" | "required"> {
  const required = found?.required ?? [];
  const present = required.filter(({ state }) => state === "present");
  const isComplete = found !== undefined && present.length === required.length;
  const word = isComplete ? "complete" : found ? "incomplete" : "unavailable";
  return {
    status: damaged.length > 0 ? "damaged" : word,
    present: extentOf(present),
    required: found && extentOf(required),
  };
}

function extentOf(blobs: ContentCheck["required"]): Extent {
  return { blobs: blobs.length, sizeBytes: blobs.reduce((sum, { descriptor }) => sum + descriptor.size, 0) };
}

async function checkUnpacked(
  client: Client,
  { target }: Image,
  found: ContentCheck | undefined,
  { snapshotter }: CheckOptions,
): Promise<Pick<ImageCheck, "isUnpacked" | "unpackFailure">> {
  try {
    if (!found) throw noManifest(target);
    const opened = await client.snapshotter(snapshotter);
    return { isUnpacked: await isUnpacked(await client.content(), found.config, opened) };
  } catch (error) {
    return { isUnpacked: false, unpackFailure: error };
  }
}

function noManifest({ digest }: Descriptor): CtrError {
  const platform = formatPlatform(hostPlatform());
  return new CtrError("NotFound", `no manifest for platform ${platform} in ${digest}`);
}
