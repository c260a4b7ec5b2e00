import type { ContentStore } from "../../core/content.ts";
import type { Descriptor } from "../../core/descriptor.ts";
import { splitDigest } from "../../core/digest.ts";
import { parseManifest } from "../../core/manifest.ts";
import { readDocument } from "../fetch-document.ts";
import { formatLikeGo } from "../write-document.ts";
import { memberNames, memberOfDigest } from "./members.ts";
import { annotationsFor, familiarName } from "./names.ts";
import type { ExportPlan } from "./plan-export.ts";

/** One entry of an archive that is to be written. */
export interface Member {
  name: string;
  mode: number;
  /** Nothing for a directory; a blob of the content store, or bytes. */
  content?: Descriptor | Uint8Array;
}

export interface NamedPlan extends ExportPlan {
  name: string;
  target: Descriptor;
}

const DOCUMENT_MODE = 0o644;
const BLOB_MODE = 0o444;
const DIRECTORY_MODE = 0o755;

/**
 * The members of an archive of these images, in its order: an OCI layout whose names containerd's annotation carries
 * in full and, with `forDocker`, a manifest.json, which `docker load` and older tools read. The same images make the
 * same archive, the real ctr's.
 */
export async function exportMembers(
  plans: readonly NamedPlan[],
  content: ContentStore,
  { forDocker }: { forDocker: boolean },
): Promise<Member[]> {
  const members = new Map<string, Member>();
  const add = (name: string, mode: number, body?: Member["content"]) =>
    members.set(name, { name, mode, content: body });
  for (const { blobs } of plans) {
    for (const [digest, descriptor] of blobs) {
      add("blobs/", DIRECTORY_MODE);
      add(`blobs/${splitDigest(digest).algorithm}/`, DIRECTORY_MODE);
      add(memberOfDigest(digest), BLOB_MODE, descriptor);
    }
  }
  const manifests = plans.map(({ name, target }) => {
    const { mediaType, digest, size, annotations } = target;
    return { mediaType, digest, size, annotations: { ...annotations, ...annotationsFor(name) } };
  });
  add(memberNames.index, DOCUMENT_MODE, bytesOf({ schemaVersion: 2, manifests }));
  const list = forDocker ? await dockerList(plans, content) : [];
  if (list.length > 0) add(memberNames.manifests, DOCUMENT_MODE, bytesOf(list));
  add(memberNames.layout, BLOB_MODE, bytesOf({ imageLayoutVersion: "1.0.0" }));
  return [...members.values()].sort(byName);
}

const bytesOf = (document: object): Uint8Array => Buffer.from(formatLikeGo(document));

const byName = (one: Member, other: Member): number => (one.name < other.name ? -1 : 1);

/** One for each image, however many names it has. */
async function dockerList(plans: readonly NamedPlan[], content: ContentStore): Promise<object[]> {
  const entries = new Map<string, { Config: string; RepoTags: string[]; Layers: string[] }>();
  for (const { name, manifest: descriptor } of plans) {
    if (!descriptor) continue;
    let entry = entries.get(descriptor.digest);
    if (!entry) {
      const { config, layers } = parseManifest(await readDocument(content, descriptor), descriptor);
      const paths = layers.map(({ digest }) => memberOfDigest(digest));
      entry = { Config: memberOfDigest(config.digest), RepoTags: [], Layers: paths };
      entries.set(descriptor.digest, entry);
    }
    entry.RepoTags.push(familiarName(name));
  }
  return [...entries.values()];
}
