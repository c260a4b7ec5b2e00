import { isIndexOrManifest } from "../../src/core/media-type.ts";
import type { BuiltImage, ImageBlob } from "./image.ts";
import type { Registry } from "./registry.ts";

/** Uploads every blob, then every manifest (by digest, the target by tag), and answers the reference in full. */
export async function pushImage(
  image: BuiltImage,
  registry: Registry,
  repository: string,
  tag = "latest",
): Promise<string> {
  for (const blob of image.blobs) {
    const { mediaType, digest } = blob.descriptor;
    if (!isIndexOrManifest(mediaType)) await pushBlob(blob, registry, repository);
    else await pushManifest(blob, registry, repository, blob.descriptor === image.target ? tag : digest);
  }
  return `${registry.host}/${repository}:${tag}`;
}

async function pushBlob(
  { descriptor, data }: ImageBlob,
  registry: Registry,
  repository: string,
): Promise<void> {
  const { digest } = descriptor;
  const known = await registry.fetch(`/v2/${repository}/blobs/${digest}`, { method: "HEAD" });
  if (known.status === 200) return;
  const begun = await registry.fetch(`/v2/${repository}/blobs/uploads/`, { method: "POST" });
  expectStatus(begun, 202, `begin the upload of ${digest}`);
  const location = new URL(begun.headers.get("location") ?? "", registry.url);
  location.searchParams.set("digest", digest);
  const ended = await registry.fetch(`${location.pathname}${location.search}`, {
    method: "PUT",
    body: data,
    headers: { "content-type": "application/octet-stream" },
  });
  expectStatus(ended, 201, `upload ${digest}: ${await ended.text()}`);
}

async function pushManifest(
  blob: ImageBlob,
  registry: Registry,
  repository: string,
  tag: string,
): Promise<void> {
  const answer = await registry.fetch(`/v2/${repository}/manifests/${tag}`, {
    method: "PUT",
    body: blob.data,
    headers: { "content-type": blob.descriptor.mediaType },
  });
  expectStatus(answer, 201, `upload manifest ${tag}: ${await answer.text()}`);
}

function expectStatus(response: Response, status: number, what: string): void {
  if (response.status !== status) throw new Error(`${what}: the registry answers ${response.status}`);
}
