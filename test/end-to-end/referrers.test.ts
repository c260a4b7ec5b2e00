import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Descriptor } from "../../src/core/descriptor.ts";
import { mediaTypes } from "../../src/core/media-type.ts";
import { type BuiltImage, blobOf, buildImage, buildLayer } from "../support/image.ts";
import { pushImage } from "../support/push-image.ts";
import { openWorkbench } from "../support/workbench.ts";

const image = buildImage({ layers: [buildLayer([{ path: "file", content: "hello" }])] });
const config = blobOf("application/vnd.oci.empty.v1+json", "{}");

function about(subject: Descriptor, artifactType: string, annotations?: object): BuiltImage {
  const layer = blobOf("text/plain", `${artifactType} of it`);
  const document = {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    artifactType,
    config: config.descriptor,
    layers: [layer.descriptor],
    subject,
    annotations,
  };
  const manifest = blobOf(mediaTypes.ociManifest, JSON.stringify(document));
  return { target: manifest.descriptor, blobs: [config, layer, manifest] };
}

const signature = about(image.target, "application/vnd.example.signature");
const sbom = about(image.target, "application/spdx+json", { made: "today" });

test("a signature and an SBOM are pushed to a registry without the referrers API, and found by their image", async () => {
  await using bench = await openWorkbench({ image, isPulled: false });
  const { ctr, registry, image: ref } = bench;
  const repository = ref.replace(/:[^:]*$/, "");
  assert.is(await ctr.ok("images", "referrers", "-q", ref), "");
  for (const [tag, artifact] of Object.entries({ signature, sbom })) {
    const source = await pushImage(artifact, registry, "elsewhere", tag);
    await ctr.ok("images", "pull", source);
    for (const _ of ["once", "again"]) await ctr.ok("images", "push", `${repository}:${tag}`, source);
  }
  const digests = [signature, sbom].map(({ target }) => target.digest);
  assert.is(await ctr.ok("images", "referrers", "-q", ref), digests.map((digest) => `${digest}\n`).join(""));
  const table = await ctr.ok("images", "discover", ref);
  assert.match(table, /^DIGEST +ARTIFACT TYPE +SIZE +\n/);
  assert.match(
    table,
    new RegExp(`^${digests[1]} +application/spdx\\+json +${sbom.target.size}\\.0 B +$`, "m"),
  );
  const filter = ["--artifact-type", "application/spdx+json"];
  assert.equal(JSON.parse(await ctr.ok("images", "referrers", ...filter, "-o", "json", ref)), [
    {
      digest: digests[1],
      mediaType: mediaTypes.ociManifest,
      artifactType: "application/spdx+json",
      sizeBytes: sbom.target.size,
      annotations: { made: "today" },
    },
  ]);
  await ctr.ok("images", "pull", `${repository}@${digests[0]}`);
  const missing = await ctr("images", "referrers", `${repository}:nosuch`);
  assert.is(missing.code, 1);
  assert.match(missing.stderr, /^ctr: [^\n]+: not found[^\n]*\n$/);
});

test("a push that was broken off between artifact and list is completed by the next", async () => {
  await using bench = await openWorkbench({ image, isPulled: false });
  const { ctr, registry, image: ref } = bench;
  // As the artifact alone leaves the registry: in its place, and in no list.
  const pushed = await pushImage(signature, registry, "library/busybox", "signature");
  await ctr.ok("images", "pull", pushed);
  assert.is(await ctr.ok("images", "referrers", "-q", ref), "");
  const { digest } = signature.target;
  const object = ["content", "push-object", pushed, digest, mediaTypes.ociManifest];
  assert.match((await ctr(...object)).stderr, /already exists/);
  assert.is(await ctr.ok("images", "referrers", "-q", ref), `${digest}\n`);
});

test.run();
