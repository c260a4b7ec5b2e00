import { CtrError, hasCode, ifPresent } from "../../core/errors.ts";
import { labelNames } from "../../core/labels.ts";
import { hostPlatform } from "../../core/platform.ts";
import type { Image } from "../../core/records.ts";
import { parseReference, type Reference } from "../../core/reference.ts";
import { presentPlatforms } from "../../images/check.ts";
import type { Client } from "../open.ts";
import type { ImageCheck } from "./check-image.ts";
import { bring, type PullOptions } from "./pull.ts";

export type RepairOptions = Omit<PullOptions, "platforms" | "labels" | "onUnpacking">;

/** Whether there is something to mend; what is not unpacked counts, unless it never could be. */
export function needsRepair({ status, isUnpacked, unpackFailure }: ImageCheck): boolean {
  if (status !== "complete") return true;
  return isUnpacked === false && !hasCode(unpackFailure, "FailedPrecondition", "InvalidArgument");
}

/**
 * Fetches what an image's record promises and the disk does not hold, by digest, from where it came: what its name
 * means in the registry by now does not matter. Unpacks what is not unpacked. Platforms of which nothing is here stay
 * away, unless nothing is here at all. Throws what the registry answers.
 */
export async function repairImage(
  client: Client,
  image: Image,
  { damaged }: Pick<ImageCheck, "damaged">,
  options: RepairOptions,
): Promise<void> {
  const content = await client.content();
  for (const { digest } of damaged) await content.discardBytes(digest);
  const found = await presentPlatforms(content, image.target);
  const platforms = found.length > 0 ? found : [hostPlatform()];
  let failure: unknown;
  for (const source of await sourcesOf(client, image)) {
    try {
      return await bring(client, source, image.target, { ...options, platforms }, async () => {});
    } catch (error) {
      failure ??= error;
      if (!hasCode(error, "NotFound", "Unavailable", "PermissionDenied", "Unauthenticated")) throw error;
    }
  }
  throw failure ?? new CtrError("NotFound", `where image ${JSON.stringify(image.name)} came from`);
}

/** The repositories that its content is labelled with, then its name: a tag made here is in no registry. */
async function sourcesOf(client: Client, { name, target }: Image): Promise<Reference[]> {
  const names: string[] = [];
  const content = await client.content();
  const info = await ifPresent(() => content.info(target.digest));
  for (const [label, repositories] of Object.entries(info?.labels ?? {})) {
    if (!label.startsWith(`${labelNames.distributionSource}.`)) continue;
    const host = label.slice(labelNames.distributionSource.length + 1);
    names.push(...repositories.split(",").map((path) => `${host}/${path}@${target.digest}`));
  }
  return [...names, name].flatMap(parsed);
}

function parsed(name: string): Reference[] {
  try {
    return [parseReference(name)];
  } catch {
    return [];
  }
}
