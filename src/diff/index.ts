import type { ContentProvider, ContentStore } from "../core/content.ts";
import type { Descriptor } from "../core/descriptor.ts";
import type { AppliedLayer, ApplyOptions, Differ } from "../core/differ.ts";
import { Digester } from "../core/digester.ts";
import { CtrError, withSubject } from "../core/errors.ts";
import { createLimiter } from "../core/limiter.ts";
import { Measured } from "../core/measured.ts";
import { mediaTypes } from "../core/media-type.ts";
import type { Mount } from "../core/mount.ts";
import { applyLayer } from "./apply.ts";
import { decompress } from "./compression.ts";
import { isDirect, withTarget } from "./target.ts";

/** A smaller layer is written in less time than a thread takes to start and to warm up. */
const WORTH_A_THREAD_BYTES = 2 << 20;
/** What is smaller still is written here before a thread that has begun with a larger one would get to it. */
const WORTH_A_MESSAGE_BYTES = 256 << 10;

export interface ApplierOptions {
  content: ContentProvider;
  /** A directory below which is mounted what cannot be reached otherwise. */
  mountPlaces: string;
  /** Layers written apart are left to be synced together. */
  leavesSync?: boolean;
}

export interface DifferOptions extends ApplierOptions {
  content: ContentStore;
  /** Apply layers where no mount is needed; without them this thread does. */
  threads?: Pick<Differ, "apply">;
}

export function openDiffer({ content, mountPlaces, threads }: DifferOptions): Differ {
  const here = openApplier({ content, mountPlaces });
  const { apply: applySmallest } = openApplier({ content, mountPlaces, leavesSync: true });
  const inTurn = createLimiter(1);
  let isBusy = false;
  const applyHere: Differ["apply"] = async (layer, onto, options) => {
    isBusy = true;
    try {
      return await here.apply(layer, onto, options);
    } finally {
      isBusy = false;
    }
  };
  return {
    ...here,
    async apply(layer, onto, options) {
      // The threads take whatever bytes are there: whether they are this namespace's to see is known here.
      await content.info(layer.digest);
      if (!threads || !isDirect(onto)) return here.apply(layer, onto, options);
      if (layer.size < WORTH_A_MESSAGE_BYTES) return inTurn(() => applySmallest(layer, onto, options));
      // The one layer of a small image; of many, the others begin a thread.
      const isForHere = layer.size < WORTH_A_THREAD_BYTES && !isBusy;
      return isForHere ? applyHere(layer, onto, options) : threads.apply(layer, onto, options);
    },
    compare: async (lower, upper, options) =>
      (await import("./compare/compare.ts")).compare({ content, mountPlaces }, lower, upper, options),
  };
}

/** The half that only reads from the content store. */
export function openApplier(applier: ApplierOptions): Pick<Differ, "apply" | "settle"> {
  return {
    apply: (layer, onto, options) => apply(applier, layer, onto, options),
    settle: async (onto, unsettled) => {
      const { settle } = await import("./settle.ts");
      await withTarget(onto, applier.mountPlaces, async (target) => settle(target, unsettled));
    },
  };
}

async function apply(
  { content, mountPlaces, leavesSync = false }: ApplierOptions,
  layer: Descriptor,
  onto: readonly Mount[],
  options: ApplyOptions = {},
): Promise<AppliedLayer> {
  await using blob = await content.reader(layer.digest);
  const measured = new Measured(options);
  try {
    const applied = await withTarget(onto, mountPlaces, async (target) => {
      const stream = measured.stream(decompress(verified(blob.stream(), layer), layer.size));
      const isDurable = !(leavesSync && target.isApart);
      return { unsettled: await applyLayer(stream, target, !isDurable), isDurable };
    });
    const { sizeBytes: size } = measured;
    return { mediaType: mediaTypes.ociLayer, digest: measured.digest(), size, ...applied };
  } catch (error) {
    throw options.signal?.aborted ? error : withSubject(`unpack layer ${layer.digest}`, error);
  }
}

/** The same bytes; throws DataLoss at the end, or as soon as there are too many, when they are not what the descriptor says. */
async function* verified(source: AsyncIterable<Uint8Array>, layer: Descriptor): AsyncGenerator<Uint8Array> {
  const digester = new Digester(layer.digest);
  let sizeBytes = 0;
  for await (const chunk of source) {
    digester.update(chunk);
    sizeBytes += chunk.length;
    if (sizeBytes > layer.size) break;
    yield chunk;
  }
  if (sizeBytes !== layer.size) {
    throw new CtrError(
      "DataLoss",
      `blob of ${layer.size} bytes has ${sizeBytes > layer.size ? "more" : sizeBytes}`,
    );
  }
  if (digester.digest() !== layer.digest) throw new CtrError("DataLoss", "blob does not match its digest");
}
