import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { mediaTypes } from "../../src/core/media-type.ts";
import { busyboxImage, busyboxLayer } from "../support/busybox-image.ts";
import { type BuiltImage, blobOf, buildImage, buildIndex, buildLayer } from "../support/image.ts";
import { openWorkbench, type Workbench } from "../support/workbench.ts";

const test = suite("images convert");

const top = buildLayer([{ path: "etc/top", content: "top\n" }], { format: "docker" });
const docker = buildIndex(
  [
    buildImage({
      format: "docker",
      layers: [busyboxLayer({ format: "docker" }), top],
      config: { Cmd: ["cat", "/etc/top"], Env: ["PATH=/bin"] },
      platform: { os: "linux", architecture: "amd64" },
    }),
    buildImage({
      format: "docker",
      layers: [buildLayer([{ path: "arm" }], { format: "docker" })],
      platform: { os: "linux", architecture: "arm64" },
    }),
  ],
  { format: "docker" },
);

const withImage = (image: BuiltImage, use: (bench: Workbench) => Promise<void>) => async () => {
  await using bench = await openWorkbench({ image, isPulled: false });
  await bench.ctr.ok("images", "pull", "--all-platforms", bench.image);
  await use(bench);
};

interface Node {
  mediaType: string;
  digest: string;
  isPresent: boolean;
  children?: Node[];
}

async function typesOf({ ctr }: Workbench, name: string): Promise<string[]> {
  const types = ({ mediaType, children = [] }: Node): string[] => [mediaType, ...children.flatMap(types)];
  return types(JSON.parse(await ctr.ok("images", "inspect", "-o", "json", name)).target);
}

test(
  "to zstd and OCI, for all platforms: it runs alone, and twice is the same",
  withImage(docker, async (bench) => {
    const { ctr, image } = bench;
    const convert = (name: string) => ctr.ok("images", "convert", "--zstd", "--all-platforms", image, name);
    const first = await convert("zstd:1");
    assert.match(first, /^sha256:[0-9a-f]{64}\n$/);
    assert.is(await convert("zstd:2"), first);
    const { ociIndex, ociManifest, ociConfig, ociLayerZstd } = mediaTypes;
    assert.equal(await typesOf(bench, "zstd:1"), [
      ...[ociIndex, ociManifest, ociConfig, ociLayerZstd, ociLayerZstd],
      ...[ociManifest, ociConfig, ociLayerZstd],
    ]);
    await ctr.ok("images", "rm", "--sync", image, "zstd:2");
    await ctr.ok("images", "check", "--verify");
    for (const key of (await ctr.ok("snapshots", "ls")).match(/^sha256:\S+/gm)!.reverse()) {
      await ctr("snapshots", "rm", key);
    }
    await ctr.ok("run", "--rm", "zstd:1", "c1");
    assert.is(await ctr.ok("run", "--rm", "zstd:1", "c1"), "top\n");
    assert.is(await ctr.ok("content", "active"), "REF\tSIZE\tAGE\t\n");
  }),
);

test(
  "uncompressed, of one platform: the other and the compressed layers are not needed",
  withImage(docker, async (bench) => {
    const { ctr, image } = bench;
    await ctr.ok("images", "convert", "--uncompress", "--platform", "linux/amd64", image, "plain:1");
    const { dockerIndex, dockerManifest, dockerConfig, dockerLayer } = mediaTypes;
    const expected = [dockerIndex, dockerManifest, dockerConfig, dockerLayer, dockerLayer];
    assert.equal(await typesOf(bench, "plain:1"), expected);
    await ctr.ok("images", "rm", "--sync", image);
    assert.is((await ctr.ok("content", "ls", "-q")).trim().split("\n").length, expected.length);
    assert.is(await ctr.ok("run", "--rm", "plain:1", "c1"), "top\n");
  }),
);

test(
  "a name that another image has moves, labels come along, and nothing to do changes nothing",
  withImage(docker, async ({ ctr, image }) => {
    await ctr.ok("images", "label", image, "team=ci");
    await ctr.ok("images", "tag", image, "taken:1");
    const digest = await ctr.ok("images", "convert", "--oci", image, "taken:1");
    const [taken] = JSON.parse(await ctr.ok("images", "ls", "-o", "json", "name==taken:1"));
    assert.is(`${taken.digest}\n`, digest);
    assert.equal(taken.labels, { team: "ci" });
    assert.is(await ctr.ok("images", "convert", "--oci", "taken:1", "again:1"), digest);
  }),
);

test("attestations follow the manifests that they are about, and fields nobody knows stay", async () => {
  const image = buildImage({ layers: [busyboxLayer()], platform: { os: "linux", architecture: "amd64" } });
  const statement = blobOf("application/vnd.in-toto+json", "{}");
  const config = blobOf(mediaTypes.ociConfig, '{"rootfs":{"type":"layers","diff_ids":[]}}');
  const attestation = blobOf(
    mediaTypes.ociManifest,
    JSON.stringify({
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      config: config.descriptor,
      layers: [statement.descriptor],
    }),
  );
  attestation.descriptor.platform = { os: "unknown", architecture: "unknown" };
  attestation.descriptor.annotations = {
    "vnd.docker.reference.type": "attestation-manifest",
    "vnd.docker.reference.digest": image.target.digest,
  };
  const attested = { target: attestation.descriptor, blobs: [statement, config, attestation] };
  const index = buildIndex([image, attested], { annotations: { "z<": "1", a: "2" } });
  await withImage(index, async ({ ctr, image: name }) => {
    const digest = (await ctr.ok("images", "convert", "--zstd", "--all-platforms", name, "new:1")).trim();
    const converted = JSON.parse(await ctr.ok("content", "get", digest));
    assert.equal(converted.annotations, { "z<": "1", a: "2" });
    const [first, second] = converted.manifests;
    assert.is.not(first.digest, image.target.digest);
    assert.is(second.digest, attestation.descriptor.digest);
    assert.is(second.annotations["vnd.docker.reference.digest"], first.digest);
  })();
});

test(
  "a damaged layer, a missing platform and contradicting flags make no image",
  withImage(busyboxImage(), async ({ ctr, image }) => {
    const layer = busyboxImage().blobs[0]!.descriptor.digest;
    const path = join(ctr.root, "content/blobs/sha256", layer.slice(7));
    const bytes = readFileSync(path);
    bytes[5]! ^= 1;
    chmodSync(path, 0o600);
    writeFileSync(path, bytes);
    for (const [words, expected] of [
      [["--uncompress", image, "bad:1"], /data loss/],
      [["--uncompress", "--zstd", image, "bad:1"], /cannot be used together/],
      [["--oci", "nosuch", "bad:1"], /image "nosuch": not found/],
      [[image], /src and target image need to be specified/],
    ] as const) {
      const { code, stderr } = await ctr("images", "convert", ...words);
      assert.is(code, 1);
      assert.match(stderr, expected);
    }
    assert.is(await ctr.ok("images", "ls", "-q"), `${image}\n`);
    assert.is(await ctr.ok("leases", "ls", "-q"), "");
    assert.equal(JSON.parse(await ctr.ok("content", "active", "-o", "json")), []);
  }),
);

test(
  "of an index without the wanted platform nothing is made, where the real ctr makes an empty index",
  withImage(docker, async ({ ctr, image }) => {
    const { code, stderr } = await ctr("images", "convert", "--platform", "linux/s390x", image, "empty:1");
    assert.is(code, 1);
    assert.match(stderr, /no match for platform linux\/s390x .*: not found/);
  }),
);

test.run();
