import type { Descriptor } from "../../core/descriptor.ts";
import { CtrError } from "../../core/errors.ts";
import { isRunnable } from "../../core/manifest.ts";
import { isIndexOrManifest } from "../../core/media-type.ts";
import { quote } from "../../core/quote.ts";
import { DOCKER_HOST, parseReference } from "../../core/reference.ts";

/** Annotations of an index's entries that name it: containerd's has the whole name, OCI's often a tag alone. */
const nameAnnotations = {
  image: "io.containerd.image.name",
  reference: "org.opencontainers.image.ref.name",
} as const;

export interface ImportNaming {
  /** Goes before names that are a tag alone, and before the digest of images without a name. */
  base: string;
  /** Of the full names in OCI's annotation, only those below `base` count. */
  isFilter: boolean;
  /** Every image is also named `BASE@DIGEST`. */
  digests: boolean;
  /** Not those that have a name. */
  skipDigestForNamed: boolean;
}

/** Nothing that would write to a terminal more than its letters. */
const NAME = /^[^\p{C}\s]{1,1024}$/u;

/**
 * What the archive calls an entry of its index, and with `digests` its `BASE@DIGEST`; none when a filter leaves it
 * out. Throws InvalidArgument for a name that no image should have.
 */
export function namesOf(entry: Descriptor, naming: ImportNaming): string[] {
  const { image, reference } = givenNames(entry);
  const name = image || (reference ? completeReference(reference, naming) : "");
  if (name && !NAME.test(name)) {
    throw new CtrError("InvalidArgument", `image name ${quote(name)} in the archive`);
  }
  const wantsDigest = naming.digests && !(naming.skipDigestForNamed && name);
  return [...(name ? [name] : []), ...(wantsDigest ? [digestName(entry, naming)] : [])];
}

export const digestName = ({ digest }: Descriptor, { base }: ImportNaming): string => `${base}@${digest}`;

/** Whether it is an image that the archive has no name for; an attestation beside an image needs none. */
export function isNameless(entry: Descriptor): boolean {
  const { image, reference } = givenNames(entry);
  const isImage = isIndexOrManifest(entry.mediaType);
  return !image && !reference && isImage && isRunnable(entry);
}

function givenNames({ annotations = {} }: Descriptor): { image?: string; reference?: string } {
  return { image: annotations[nameAnnotations.image], reference: annotations[nameAnnotations.reference] };
}

function completeReference(reference: string, { base, isFilter }: ImportNaming): string {
  if (!/[/:@]/.test(reference)) return `${base}:${reference}`;
  const isBelow = reference === base || ["/", ":", "@"].some((end) => reference.startsWith(base + end));
  return isFilter && !isBelow ? "" : reference;
}

/** The annotations that name an image for every reader of an archive. */
export function annotationsFor(name: string): Record<string, string> {
  return { [nameAnnotations.image]: name, [nameAnnotations.reference]: tagOf(name) };
}

/** What stands behind the repository: a tag, `@DIGEST`, or both; the whole name when nothing does. */
function tagOf(name: string): string {
  const path = name.slice(name.indexOf("/") + 1);
  const at = path.search(/[:@]/);
  if (at < 0) return name;
  return path[at] === ":" ? path.slice(at + 1) : path.slice(at);
}

/** As Docker shows a name: without `docker.io/` and `library/`; the name itself where it is no reference. */
export function familiarName(name: string): string {
  try {
    const { name: full, host, path } = parseReference(name);
    if (host !== DOCKER_HOST) return full;
    return `${path.replace(/^library\/(?=[^/]+$)/, "")}${full.slice(`${host}/${path}`.length)}`;
  } catch {
    return name;
  }
}
