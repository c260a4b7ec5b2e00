import { test } from "uvu";
import * as assert from "uvu/assert";
import { mediaTypes } from "../../src/core/media-type.ts";
import { busyboxImage } from "../support/busybox-image.ts";
import { type BuiltImage, blobOf, buildImage, buildLayer, type ImageBlob } from "../support/image.ts";
import { pushImage } from "../support/push-image.ts";
import { openWorkbench, type Workbench } from "../support/workbench.ts";

const LAYER = buildLayer([{ path: "file", content: "hello" }]);

/** A document of any kind over blobs of any kind. */
function documentOf(mediaType: string, fields: object, children: ImageBlob[]): BuiltImage {
  const document = blobOf(mediaType, JSON.stringify({ schemaVersion: 2, mediaType, ...fields }));
  return { target: document.descriptor, blobs: [...children, document] };
}

const parts = [
  blobOf("application/vnd.containerd.container.criu.checkpoint.criu.tar", "memory"),
  blobOf("application/vnd.containerd.container.checkpoint.config.v1+proto", "spec"),
  { ...LAYER },
];
const empty = blobOf("application/vnd.oci.empty.v1+json", "{}");
const thing = blobOf("text/plain", "anything");
const subject = buildImage({ layers: [LAYER] });

const cases: [name: string, image: BuiltImage][] = [
  [
    "a checkpoint",
    documentOf(mediaTypes.ociIndex, { manifests: parts.map(({ descriptor }) => descriptor) }, parts),
  ],
  [
    "an artifact",
    documentOf(
      mediaTypes.ociManifest,
      { artifactType: "application/vnd.example.thing", config: empty.descriptor, layers: [thing.descriptor] },
      [empty, thing],
    ),
  ],
  [
    "an artifact with a config of its own, and no layer",
    documentOf(mediaTypes.ociManifest, { config: thing.descriptor, layers: [] }, [thing]),
  ],
  [
    "an artifact with an empty config of an image's type",
    documentOf(
      mediaTypes.ociManifest,
      { config: { ...empty.descriptor, mediaType: mediaTypes.ociConfig }, layers: [thing.descriptor] },
      [empty, thing],
    ),
  ],
  [
    "a referrer",
    documentOf(
      mediaTypes.ociManifest,
      { subject: subject.target, config: empty.descriptor, layers: [thing.descriptor] },
      [empty, thing],
    ),
  ],
];

for (const [name, image] of cases) {
  test(`${name} is pulled, stored, listed, and pushed again with the same digest`, async () => {
    await using bench = await openWorkbench({ image, isPulled: false });
    const { ctr, registry, image: ref } = bench;
    await ctr.ok("images", "pull", ref);
    for (const { descriptor } of image.blobs) {
      assert.match(await ctr.ok("content", "list", "--quiet"), new RegExp(descriptor.digest));
    }
    assert.match(await ctr.ok("images", "list"), new RegExp(image.target.digest));
    assert.is(await ctr.ok("snapshots", "list"), "KEY PARENT KIND \n");
    assert.ok((await ctr.ok("content", "fetch-object", ref)).startsWith('{"schemaVersion":2'));
    await ctr.ok("images", "push", `${registry.host}/copy:1`, ref);
    assert.is(await digestAt(bench, "copy", "1"), image.target.digest);
    await ctr.ok("images", "rm", "--sync", ref);
    assert.is(await ctr.ok("content", "list", "--quiet"), "");
  });
}

for (const [name, image] of cases.slice(1)) {
  test(`${name} is listed with its size and counts as whole`, async () => {
    await using bench = await openWorkbench({ image });
    const sizeBytes = image.blobs.reduce((sum, { descriptor }) => sum + descriptor.size, 0);
    const listed = await bench.ctr("images", "ls", "-o", "json");
    assert.is(JSON.parse(listed.stdout)[0].sizeBytes, sizeBytes);
    const checked = await bench.ctr("images", "check", "-o", "json");
    const [{ status, isUnpacked }] = JSON.parse(checked.stdout);
    assert.equal({ status, isUnpacked }, { status: "complete", isUnpacked: false });
    assert.is(await bench.ctr.ok("images", "check", "--repair", "-q"), `${bench.image}\n`);
    assert.equal([listed.stderr, checked.stderr, checked.code], ["", "", 0]);
    const ran = await bench.ctr("run", "--rm", bench.image, "c1", "true");
    assert.match(ran.stderr, /^ctr: sha256:[0-9a-f]{64} is an artifact, not an image: failed precondition/);
  });
}

test("a referrer is found by digest, as its subject's list names it", async () => {
  await using bench = await openWorkbench({ image: subject, isPulled: false });
  const [, , , , referrer] = cases.map(([, image]) => image);
  const ref = await pushImage(referrer!, bench.registry, "library/busybox", "signature");
  const byDigest = `${ref.slice(0, ref.lastIndexOf(":"))}@${referrer!.target.digest}`;
  const fetched = JSON.parse(await bench.ctr.ok("content", "fetch-object", byDigest));
  assert.is(fetched.subject.digest, subject.target.digest);
});

async function digestAt({ registry }: Workbench, repository: string, tag: string): Promise<string | null> {
  const headers = { accept: `${mediaTypes.ociManifest}, ${mediaTypes.ociIndex}` };
  const answer = await registry.fetch(`/v2/${repository}/manifests/${tag}`, { method: "HEAD", headers });
  return answer.headers.get("docker-content-digest");
}

test("attestations, unknown platforms and a nested index do not keep from pulling every platform", async () => {
  const app = busyboxImage();
  const other = buildImage({
    layers: [buildLayer([{ path: "s390x" }])],
    platform: { os: "linux", architecture: "s390x" },
  });
  // As BuildKit makes them: a config like any other, and a layer that is no layer.
  const unknown = { os: "unknown", architecture: "unknown" };
  const statement = blobOf("application/vnd.in-toto+json", "{}");
  const rootfs = { type: "layers", diff_ids: [statement.descriptor.digest] };
  const config = blobOf(mediaTypes.ociConfig, JSON.stringify({ ...unknown, config: {}, rootfs }));
  const attestation = documentOf(
    mediaTypes.ociManifest,
    { config: config.descriptor, layers: [statement.descriptor] },
    [statement, config],
  );
  const about = {
    platform: unknown,
    annotations: { "vnd.docker.reference.type": "attestation-manifest" },
  };
  const nested = documentOf(mediaTypes.ociIndex, { manifests: [other.target] }, other.blobs);
  const strange = { ...thing.descriptor, platform: { os: "plan9", architecture: "pdp11" } };
  const manifests = [app.target, { ...attestation.target, ...about }, nested.target, strange];
  const image = documentOf(mediaTypes.ociIndex, { manifests }, [
    ...app.blobs,
    ...attestation.blobs,
    ...nested.blobs,
    thing,
  ]);
  await using bench = await openWorkbench({ image, isPulled: false });
  const { ctr, registry, image: ref } = bench;
  await ctr.ok("images", "pull", "--all-platforms", ref);
  const content = await ctr.ok("content", "ls", "-q");
  for (const { descriptor } of image.blobs) assert.match(content, descriptor.digest);
  assert.match(await ctr.ok("images", "ls"), "linux/s390x");
  assert.is(await ctr.ok("run", "--rm", ref, "c1", "echo", "runs"), "runs\n");
  await ctr.ok("images", "push", `${registry.host}/copy:1`, ref);
  await ctr.ok("images", "export", "--all-platforms", bench.directory.join("all.tar"), ref);
  await ctr.ok("images", "rm", "--sync", ref);
  await ctr.ok("images", "import", "--all-platforms", bench.directory.join("all.tar"));
  assert.is(await ctr.ok("content", "ls", "-q"), content);
});

test.run();
