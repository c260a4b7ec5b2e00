import type { ContentProvider } from "../core/content.ts";
import type { Descriptor } from "../core/descriptor.ts";
import { type ImageIndex, parseIndex, parseManifest } from "../core/manifest.ts";
import { isIndex, isIndexOrManifest } from "../core/media-type.ts";
import type { Referral } from "../core/remotes.ts";
import { readDocument } from "./fetch-document.ts";

/** What a document names: what it is made of, and what it says it is about. */
export interface Relations {
  children: Descriptor[];
  referral?: Referral;
}

/** None of what is neither index nor manifest. Throws as `readDocument`, and InvalidArgument. */
export async function readRelations(content: ContentProvider, descriptor: Descriptor): Promise<Relations> {
  const { mediaType } = descriptor;
  if (!isIndexOrManifest(mediaType)) return { children: [] };
  const bytes = await readDocument(content, descriptor);
  if (isIndex(mediaType)) {
    const index = parseIndex(bytes, descriptor);
    return { children: index.manifests, referral: referralOf(index) };
  }
  const manifest = parseManifest(bytes, descriptor);
  const { config, layers } = manifest;
  return { children: [config, ...layers], referral: referralOf(manifest, config.mediaType) };
}

/** What an index or a manifest names directly, its config before its layers. Throws as `readRelations`. */
export async function childrenOf(content: ContentProvider, descriptor: Descriptor): Promise<Descriptor[]> {
  return (await readRelations(content, descriptor)).children;
}

/** OCI distribution spec: what is of no type is of that of its config. */
function referralOf(
  { subject, artifactType, annotations }: Pick<ImageIndex, "subject" | "artifactType" | "annotations">,
  configType?: string,
): Referral | undefined {
  return subject && { subject: subject.digest, artifactType: artifactType ?? configType, annotations };
}
