import type { Descriptor } from "../../core/descriptor.ts";
import { CtrError } from "../../core/errors.ts";
import { hostPlatform, type Platform, platformDistance } from "../../core/platform.ts";
import { type ArchiveIndex, indexDescriptor } from "../../images/archive/archive-index.ts";
import { digestName, type ImportNaming, isNameless, namesOf } from "../../images/archive/names.ts";

export interface NamingOptions {
  naming: ImportNaming;
  /** The archive's index becomes an image of this name. */
  indexName?: string;
  /** What is kept of an image for several platforms; its layers are unpacked for it. Default: the host's. */
  platform?: Platform;
  allPlatforms?: boolean;
}

export interface NamedEntry {
  name: string;
  target: Descriptor;
  /** Of the archive's own index: the images in it, which are no alternatives to each other. */
  entries?: readonly Descriptor[];
}

/**
 * The images to be made of an archive, each name once: of several entries of one name the last. What the archive has
 * no name for is found by its digest, so that it is not lost, unless it is found in the index. Throws InvalidArgument
 * when nothing is left.
 */
export function nameImages(index: ArchiveIndex, options: NamingOptions): NamedEntry[] {
  const { naming, indexName } = options;
  const named = new Map<string, NamedEntry>();
  const add = (name: string, target: Descriptor, entries?: readonly Descriptor[]) =>
    named.set(name, { name, target, entries });
  if (indexName) add(indexName, indexDescriptor(index), index.entries);
  const nameless = indexName || naming.digests ? [] : chooseNameless(index, options);
  for (const entry of index.entries) {
    for (const name of namesOf(entry, naming)) add(name, entry);
    if (nameless.includes(entry)) add(digestName(entry, naming), entry);
  }
  if (named.size > 0) return [...named.values()];
  const words = naming.isFilter ? `no image below ${JSON.stringify(naming.base)}` : "no image";
  throw new CtrError("InvalidArgument", `${words} in the archive`);
}

/** Some tools list the platforms of one image so: those wanted, or all of them when none is. */
function chooseNameless({ entries }: ArchiveIndex, { platform, allPlatforms }: NamingOptions): Descriptor[] {
  const nameless = entries.filter(isNameless);
  const wanted = platform ?? hostPlatform();
  const fits = ({ platform: offered }: Descriptor) =>
    !offered || platformDistance(wanted, offered) !== undefined;
  const chosen = allPlatforms ? nameless : nameless.filter(fits);
  return chosen.length > 0 ? chosen : nameless;
}
