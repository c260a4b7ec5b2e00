import { CtrError } from "../../core/errors.ts";
import { JsonFields } from "../../core/json-fields.ts";
import { parseIndex } from "../../core/manifest.ts";
import { quote } from "../../core/quote.ts";
import { type ArchiveIndex, indexDescriptor } from "./archive-index.ts";
import { type DockerContext, readDockerManifests } from "./docker-archive.ts";
import { memberNames } from "./members.ts";
import type { ArchiveContents } from "./read-archive.ts";

const LAYOUT_VERSION = "1.0.0";

/**
 * Reads an OCI layout's index, or makes the one of a `docker save` archive, with manifests for its images. Throws
 * InvalidArgument for what is neither, NotFound when a `docker save` archive lacks what it names.
 */
export async function readArchiveIndex(
  contents: ArchiveContents,
  context: DockerContext,
): Promise<ArchiveIndex> {
  const { documents } = contents;
  const layout = documents.get(memberNames.layout);
  if (layout) return readLayoutIndex(layout, documents.get(memberNames.index));
  const manifests = documents.get(memberNames.manifests);
  if (manifests) return readDockerManifests(manifests, contents, context);
  throw new CtrError("InvalidArgument", "unrecognized image format", {
    hint: "give a tar archive of an OCI layout, or one made by docker save; plain, or compressed by gzip or zstd",
  });
}

function readLayoutIndex(layout: Uint8Array, bytes: Uint8Array | undefined): ArchiveIndex {
  const version = JsonFields.parse(layout, memberNames.layout).string("imageLayoutVersion");
  if (version !== LAYOUT_VERSION) {
    throw new CtrError("NotImplemented", `OCI layout of version ${quote(version ?? "")}`);
  }
  if (!bytes) throw new CtrError("InvalidArgument", `missing ${memberNames.index} in OCI layout`);
  const { manifests } = parseIndex(bytes, indexDescriptor({ bytes }));
  return { bytes, entries: manifests };
}
