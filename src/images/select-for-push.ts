import type { ContentProvider, ContentStore } from "../core/content.ts";
import type { Descriptor } from "../core/descriptor.ts";
import type { Digest } from "../core/digest.ts";
import { digestOf } from "../core/digester.ts";
import { CtrError, hasCode } from "../core/errors.ts";
import { isRunnable, parseIndex, selectManifests } from "../core/manifest.ts";
import { isForeignLayer, isIndex, isIndexOrManifest } from "../core/media-type.ts";
import { formatPlatform, type Platform } from "../core/platform.ts";
import { readDocument } from "./fetch-document.ts";
import { readRelations } from "./relations.ts";

export interface Selection {
  target: Descriptor;
  /** The store, with a document beside it when a smaller index had to be made. */
  content: ContentProvider;
  /** Platforms of the index that are left out because their content is not here. */
  absent: string[];
}

export interface SelectOptions {
  /** Every platform whose content is here, without it. */
  platforms?: readonly Platform[];
  withForeignLayers: boolean;
}

/**
 * What of an image can be pushed so that a registry finds everything it names. A whole index stays as it is; of one
 * entry the manifest alone is left, of some a smaller index. Throws NotFound when there is nothing to be pushed.
 */
export async function selectForPush(
  store: ContentStore,
  target: Descriptor,
  { platforms, withForeignLayers }: SelectOptions,
): Promise<Selection> {
  if (!isIndex(target.mediaType)) return { target, content: store, absent: [] };
  const bytes = await readDocument(store, target);
  const { manifests } = parseIndex(bytes, target);
  const wanted = platforms ? selectManifests(manifests, platforms) : manifests;
  if (wanted.length === 0) throw noMatch(target, platforms ?? []);
  const known: Known = new Map();
  const isWhole = await Promise.all(wanted.map((entry) => isHere(store, entry, withForeignLayers, known)));
  const kept = wanted.filter((_, at) => isWhole[at]);
  const absent = wanted.filter((_, at) => !isWhole[at] && isRunnable(wanted[at]!));
  // What was asked for by name is pushed or fails; what is not here fails with its own digest.
  if (kept.length === 0 || (platforms && kept.length < wanted.length)) throw notHere(target, absent);
  const names = absent.map(({ platform, digest }) => (platform ? formatPlatform(platform) : digest));
  if (kept.length === manifests.length) return { target, content: store, absent: [] };
  const [only] = kept;
  if (kept.length === 1 && only && isIndexOrManifest(only.mediaType)) {
    return { target: only, content: store, absent: names };
  }
  return { ...smallerIndex(store, target, bytes, kept), absent: names };
}

/** What was asked about already: an index can name the same documents over and over. */
type Known = Map<Digest, Promise<boolean>>;

function isHere(
  store: ContentStore,
  descriptor: Descriptor,
  withForeignLayers: boolean,
  known: Known,
): Promise<boolean> {
  const answer = known.get(descriptor.digest) ?? look(store, descriptor, withForeignLayers, known);
  known.set(descriptor.digest, answer);
  return answer;
}

async function look(...[store, descriptor, withForeignLayers, known]: Parameters<typeof isHere>) {
  try {
    await store.info(descriptor.digest);
    const { children } = await readRelations(store, descriptor);
    const needed = children.filter(({ mediaType }) => withForeignLayers || !isForeignLayer(mediaType));
    const found = await Promise.all(needed.map((child) => isHere(store, child, withForeignLayers, known)));
    return found.every(Boolean);
  } catch (error) {
    if (hasCode(error, "NotFound")) return false;
    throw error;
  }
}

/** The same document with fewer entries, each as it was written. */
function smallerIndex(
  store: ContentStore,
  { mediaType }: Descriptor,
  bytes: Uint8Array,
  kept: readonly Descriptor[],
): Pick<Selection, "target" | "content"> {
  const document = JSON.parse(new TextDecoder().decode(bytes)) as { manifests: { digest: string }[] };
  const digests = new Set<string>(kept.map(({ digest }) => digest));
  document.manifests = document.manifests.filter(({ digest }) => digests.has(digest));
  const smaller = Buffer.from(JSON.stringify(document));
  const target: Descriptor = { mediaType, digest: digestOf(smaller), size: smaller.length };
  const content: ContentProvider = {
    reader: async (digest) => (digest === target.digest ? readerOf(smaller) : store.reader(digest)),
  };
  return { target, content };
}

function readerOf(bytes: Uint8Array): Awaited<ReturnType<ContentProvider["reader"]>> {
  return {
    size: bytes.length,
    read: async (at, length) => bytes.subarray(at, at + length),
    async *stream(at = 0) {
      yield bytes.subarray(at);
    },
    async [Symbol.asyncDispose]() {},
  };
}

function noMatch({ digest }: Descriptor, platforms: readonly Platform[]): CtrError {
  return new CtrError(
    "NotFound",
    `no match for platform ${platforms.map(formatPlatform).join(", ")} in ${digest}`,
  );
}

function notHere({ digest }: Descriptor, absent: readonly Descriptor[]): CtrError {
  const names = absent.flatMap(({ platform }) => (platform ? [formatPlatform(platform)] : []));
  const what = names.length > 0 ? `content of ${digest} for ${names.join(", ")}` : `content of ${digest}`;
  return new CtrError("NotFound", what, { hint: "pull it first, with --platform or --all-platforms" });
}
