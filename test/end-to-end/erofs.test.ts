import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { mediaTypes } from "../../src/core/media-type.ts";
import { busyboxLayer } from "../support/busybox-image.ts";
import { unpackPackages, wrapPrograms } from "../support/debian-packages.ts";
import { buildImage, buildIndex, buildLayer } from "../support/image.ts";
import { run } from "../support/run-program.ts";
import { listTree } from "../support/tree.ts";
import { openWorkbench, type Workbench } from "../support/workbench.ts";

const { tree, missing } = unpackPackages(
  "trixie",
  ...["erofs-utils", "cryptsetup-bin", "libcryptsetup12", "libc6", "liblz4-1", "libzstd1", "liblzma5"],
  ...["libdeflate0", "libuuid1", "zlib1g", "libselinux1", "libpcre2-8-0", "libfuse2t64", "libxxhash0"],
  ...["libpopt0", "libblkid1", "libjson-c5", "libargon2-1", "libssl3t64", "libdevmapper1.02.1"],
  ...["libudev1", "libcap2"],
);
const test = suite(`EROFS${missing ? ` (${missing})` : ""}`);
const check = missing ? test.skip : test;

const attributes = { mode: 0o4755, uid: 1000, gid: 1001, mtimeSeconds: 1_234_567_890 };
const layers = [
  busyboxLayer(),
  buildLayer([
    { path: "data", type: "directory", mode: 0o1777, uid: 7, gid: 8 },
    { path: "data/file", content: "x".repeat(100_000), ...attributes },
    { path: "data/hard", type: "hardlink", linkTarget: "data/file", ...attributes },
    { path: "data/link", type: "symlink", linkTarget: "file", mode: 0o777 },
  ]),
];
const image = buildImage({ layers, config: { Cmd: ["sh"], Image: "sha256:old" } });
const arm = buildImage({
  layers: [buildLayer([{ path: "arm" }])],
  platform: { os: "linux", architecture: "arm64" },
});

interface Tools {
  bench: Workbench;
  ctr: Workbench["ctr"]["ok"];
  path: string;
}

async function withTools(use: (tools: Tools) => Promise<void>, built = image): Promise<void> {
  await using bench = await openWorkbench({ image: built, isPulled: false });
  const programs = ["usr/bin/mkfs.erofs", "usr/sbin/veritysetup"];
  const path = `${wrapPrograms(tree!, bench.directory.join("programs"), ...programs)}:${process.env.PATH}`;
  await bench.ctr.ok("images", "pull", "--all-platforms", bench.image);
  const call = bench.ctr.with({ env: { PATH: path } });
  const ctr = async (...words: string[]) => {
    const { code, stdout, stderr } = await call(...words);
    assert.is(code, 0, stderr);
    return stdout;
  };
  await use({ bench, ctr, path });
}

/** Mounts it for as long as the test's directory lasts. */
function mountErofs({ directory }: Workbench, file: string, name: string): string {
  const target = directory.join("mounted", name);
  mkdirSync(target, { recursive: true });
  const { status, stderr } = spawnSync("mount", ["-t", "erofs", "-o", "loop,ro", file, target], {
    encoding: "utf8",
  });
  assert.is(status, 0, stderr);
  return target;
}

const manifestOf = async ({ ctr }: Tools, name: string) => {
  const { target } = JSON.parse(await ctr("images", "inspect", "--content", "-o", "json", name));
  return target;
};

check("convert --erofs: layers are filesystems of the same tree, twice the same", () =>
  withTools(async (tools) => {
    const { bench, ctr } = tools;
    const convert = (name: string, ...flags: string[]) =>
      ctr("images", "convert", "--erofs", ...flags, bench.image, name);
    const first = await convert("raw:1", "raw");
    assert.is(await convert("raw:2", "raw"), first);
    const { content, children } = await manifestOf(tools, "raw:1");
    assert.equal(
      content.layers.map(({ mediaType }: { mediaType: string }) => mediaType),
      ["application/vnd.erofs.layer.v1", "application/vnd.erofs.layer.v1"],
    );
    const config = children[0].content;
    assert.equal(config["os.features"], ["erofs"]);
    assert.equal(config.config, { Cmd: ["sh"] });
    assert.equal(
      config.rootfs.diff_ids,
      content.layers.map(({ digest }: { digest: string }) => digest),
    );
    const blob = (digest: string) => join(bench.ctr.root, "content/blobs/sha256", digest.slice(7));
    const mounted = mountErofs(bench, blob(content.layers[1].digest), "second");
    const unpacked = bench.directory.join("image");
    mkdirSync(unpacked);
    await ctr("images", "mount", bench.image, unpacked);
    assert.equal(listTree(join(mounted, "data")), listTree(join(unpacked, "data")));
    await ctr("images", "unmount", "--rm", unpacked);

    await convert("zstd:1", "zstd", "--erofs-compressors", "lz4", "--erofs-mkfs-options", "-Efragments");
    const wrapped = (await manifestOf(tools, "zstd:1")).content.layers[0];
    assert.is(wrapped.mediaType, "application/vnd.erofs.layer.v1+zstd");
    assert.equal(JSON.parse(await ctr("content", "active", "-o", "json")), []);
    await ctr("images", "push", "--quiet", `${bench.registry.host}/erofs:1`, "raw:1");
  }),
);

check("convert --erofs: entries of an index say what they need, of each platform", () =>
  withTools(
    async (tools) => {
      const { bench, ctr } = tools;
      await ctr("images", "convert", "--erofs", "raw", "--all-platforms", bench.image, "all:1");
      const { mediaType, content } = await manifestOf(tools, "all:1");
      assert.is(mediaType, mediaTypes.ociIndex);
      for (const { platform } of content.manifests) assert.equal(platform["os.features"], ["erofs"]);
    },
    buildIndex([image, arm]),
  ),
);

check(
  "build-erofs-cache: a file for each layer by its diff ID, with a hash tree that veritysetup verifies",
  () =>
    withTools(async ({ bench, ctr, path }) => {
      const cache = bench.directory.join("cache");
      assert.is(await ctr("images", "build-erofs-cache", bench.image, cache), `${cache}\n`);
      const fileOf = (diffId: string) =>
        join(cache, "sha256", diffId.slice(7, 9), `${diffId.slice(7)}.erofs`);
      for (const { diffId } of layers) assert.is(statSync(fileOf(diffId)).mode & 0o777, 0o644);
      const file = fileOf(layers[1]!.diffId);
      assert.is(
        readFileSync(join(mountErofs(bench, file, "cached"), "data/file"), "utf8"),
        "x".repeat(100_000),
      );

      await ctr("images", "build-erofs-cache", "--dmverity", bench.image, cache);
      for (const { diffId } of layers) {
        const blob = fileOf(diffId);
        const { roothash, hashoffset } = JSON.parse(readFileSync(`${blob}.dmverity`, "utf8"));
        const verify = () =>
          run(["veritysetup", "verify", blob, blob, roothash, `--hash-offset=${hashoffset}`], {
            env: { ...process.env, PATH: path },
          });
        const sound = await verify();
        assert.is(sound.code, 0, sound.stderr);
        const bytes = readFileSync(blob);
        bytes[5000]! ^= 1;
        writeFileSync(blob, bytes);
        assert.not.equal((await verify()).code, 0);
      }
      assert.equal(
        readdirSync(cache).filter((name) => name.startsWith(".")),
        [],
      );
    }),
);

check("what mkfs.erofs refuses is said in one line, and leaves nothing", () =>
  withTools(async ({ bench, path }) => {
    const ctr = bench.ctr.with({ env: { PATH: path } });
    const cache = bench.directory.join("cache");
    const failures = [
      await ctr("images", "convert", "--erofs", "raw", "--erofs-compressors", "bogus", bench.image, "bad:1"),
      await ctr("images", "build-erofs-cache", "--mkfs-options", "--nosuch", bench.image, cache),
    ];
    for (const { code, stderr } of failures) {
      assert.is(code, 1);
      assert.match(stderr, /^ctr: mkfs\.erofs says "[^\n]+": failed precondition\n$/);
    }
    const wrong = await ctr("images", "convert", "--erofs", "tar", bench.image, "bad:1");
    assert.match(wrong.stderr, /unsupported erofs format "tar", supported: raw, zstd/);
    const idle = await ctr("images", "convert", "--oci", "--erofs-compressors", "lz4", bench.image, "bad:1");
    assert.match(idle.stderr, /^ctr: --erofs-compressors and --erofs-mkfs-options need --erofs\n$/);
    assert.is(await bench.ctr.ok("images", "ls", "-q"), `${bench.image}\n`);
    assert.equal(JSON.parse(await bench.ctr.ok("content", "active", "-o", "json")), []);
    assert.not.ok(existsSync(cache) && readdirSync(cache).some((name) => name.startsWith(".build")));
  }),
);

test("without mkfs.erofs the line says what to install", async () => {
  await using bench = await openWorkbench({ image });
  const ctr = bench.ctr.with({ env: { PATH: bench.directory.path } });
  for (const words of [
    ["convert", "--erofs", "raw", bench.image, "bad:1"],
    ["build-erofs-cache", bench.image, bench.directory.join("c")],
  ]) {
    const { code, stderr } = await ctr("images", ...words);
    assert.is(code, 1);
    assert.is(stderr, "ctr: program mkfs.erofs: not found (install erofs-utils 1.7 or newer)\n");
  }
});

test.run();
