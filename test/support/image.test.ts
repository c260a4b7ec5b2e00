import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { suite, test } from "uvu";
import * as assert from "uvu/assert";
import { busyboxImage } from "./busybox-image.ts";
import { oracleMissing, startOracle } from "./containerd.ts";
import { buildImage, buildIndex, buildLayer, writeLayout } from "./image.ts";
import { pushImage } from "./push-image.ts";
import { startRegistry } from "./registry.ts";
import { tarBytes } from "./tar-bytes.ts";
import { tempDir } from "./temp.ts";
import { listTree } from "./tree.ts";

test("an archive holds what its entries say, as tar reads it", () => {
  using dir = tempDir();
  const long = `${"d".repeat(90)}/${"f".repeat(90)}`;
  const entries = [
    { path: `${"d".repeat(90)}/`, type: "directory", mode: 0o1777 },
    { path: long, content: "x", uid: 3_000_000, gid: 7, mtimeSeconds: 1.5 },
    { path: "ünï", type: "symlink", linkTarget: long, mode: 0o777 },
    { path: "hard", type: "hardlink", linkTarget: long },
    { path: "null", type: "character-device", device: { major: 1, minor: 3 }, mode: 0o666 },
    { path: "pipe", type: "fifo" },
    { path: "xattr", xattrs: { "user.bytes": new Uint8Array([0, 10, 255]) } },
  ] as const;
  writeFileSync(dir.join("a.tar"), tarBytes(entries));
  mkdirSync(dir.join("out"));
  const tar = ["-x", "-p", "--numeric-owner", "--xattrs", "-f", dir.join("a.tar"), "-C", dir.join("out")];
  assert.is(spawnSync("tar", tar).status, 0);
  const lines = listTree(dir.join("out")).slice(1);
  const find = (start: string) => lines.find((line) => line.startsWith(start)) ?? "";
  assert.match(find(long), / 0644 3000000:7 1 .* mtime=1500000000 links=2/);
  assert.match(find("hard "), / links=2 same-as=d+\/f+$/);
  assert.match(find("\\xc3\\xbcn\\xc3\\xaf "), " symlink ");
  assert.match(find("null "), "character-device 0666 0:0 device=1:3");
  assert.match(find("pipe "), "fifo");
  assert.match(find("xattr "), "user.bytes=0x000aff");
  assert.match(lines[0] ?? "", " directory 1777 ");
});

test("the same input gives the same digests", () => {
  assert.equal(busyboxImage().target, busyboxImage().target);
  assert.is.not(busyboxImage().target.digest, busyboxImage({ format: "docker" }).target.digest);
});

test("a layout names its image and holds every blob under its digest", async () => {
  using dir = tempDir();
  const image = buildImage({ layers: [buildLayer([{ path: "a", content: "a" }])] });
  await writeLayout(image, dir.join("layout"), "a:1");
  const index = await Bun.file(dir.join("layout/index.json")).json();
  assert.is(index.manifests[0].annotations["org.opencontainers.image.ref.name"], "a:1");
  for (const { descriptor } of image.blobs) {
    const hex = descriptor.digest.slice("sha256:".length);
    const { stdout } = spawnSync("sha256sum", [dir.join("layout/blobs/sha256", hex)], { encoding: "utf8" });
    assert.is(stdout.slice(0, 64), hex);
  }
});

test("a registry with TLS, client certificates and a password takes an image and refuses strangers", async () => {
  using dir = tempDir();
  const options = { tls: true, clientCertificate: true, credentials: { username: "me", password: "secret" } };
  await using registry = await startRegistry(dir.path, options);
  const image = buildImage({ layers: [buildLayer([{ path: "a" }])] });
  await pushImage(image, registry, "team/a");
  const manifest = `/v2/team/a/manifests/latest`;
  const accept = { accept: image.target.mediaType };
  const answer = await registry.fetch(manifest, { headers: accept });
  assert.is(answer.headers.get("docker-content-digest"), image.target.digest);
  const ca = Bun.file(registry.certificates?.authority ?? "");
  const refused = await fetch(`${registry.url}${manifest}`, { tls: { ca } }).then(
    ({ status }) => status,
    () => "refused",
  );
  assert.is(refused, "refused");
});

test("a stopped registry serves the same images when it is started on the same port", async () => {
  using dir = tempDir();
  const first = await startRegistry(dir.path);
  const image = buildImage({ layers: [buildLayer([{ path: "a" }])] });
  await pushImage(image, first, "a");
  await first.stop();
  await using second = await startRegistry(dir.path, { port: first.port });
  const answer = await second.fetch("/v2/a/tags/list");
  assert.equal(await answer.json(), { name: "a", tags: ["latest"] });
});

test.run();

const missing = oracleMissing();
const withOracle = suite("with the real ctr");
const oracleTest = missing ? withOracle.skip : withOracle;

oracleTest("it pulls and runs every kind of image that is built here", async () => {
  using dir = tempDir();
  await using registry = await startRegistry(dir.path);
  await using oracle = await startOracle(dir.path);
  const images = {
    oci: busyboxImage(),
    docker: busyboxImage({ format: "docker", layer: { links: "symlink" } }),
    plain: busyboxImage({ layer: { compression: "none" } }),
    zstd: busyboxImage({ layer: { compression: "zstd" } }),
    index: buildIndex([busyboxImage({ platform: { os: "linux", architecture: "s390x" } }), busyboxImage()]),
  };
  for (const [tag, image] of Object.entries(images)) {
    const ref = await pushImage(image, registry, "busybox", tag);
    await oracle.ok("images", "pull", ref);
    assert.match(await oracle.ok("images", "list", `name==${ref}`), image.target.digest);
    assert.is(await oracle.ok("run", "--rm", ref, tag, "echo", "hello"), "hello\n");
  }
});

withOracle.run();
