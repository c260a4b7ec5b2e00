import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { layoutArchive, refName } from "../../support/archive.ts";
import { busyboxImage } from "../../support/busybox-image.ts";
import { type Ctr, createCtr } from "../../support/ctr.ts";
import { buildIndex, writeLayout } from "../../support/image.ts";
import { startRegistry } from "../../support/registry.ts";
import { run } from "../../support/run-program.ts";
import { type TempDir, tempDir } from "../../support/temp.ts";

/** Archives from us to other tools and from them to us, with the same digests wherever the format keeps them. */
const test = suite("other tools");
let directory: TempDir;
let ctr: Ctr;

const app = busyboxImage();
const digest = app.target.digest;
const configDigest = app.blobs.at(-2)!.descriptor.digest;
const NAME = "docker.io/library/app:1";

test.before(async () => {
  directory = tempDir();
  ctr = createCtr(directory.path);
  writeFileSync(directory.join("app.tar"), layoutArchive({ image: app, annotations: refName(NAME) }));
  await ctr.ok("images", "import", directory.join("app.tar"));
  await ctr.ok("images", "export", directory.join("ours.tar"), NAME);
});
test.after(async () => {
  await ctr?.[Symbol.asyncDispose]();
  directory?.[Symbol.dispose]();
});

async function ok(...command: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(command, { env: { ...process.env, HOME: directory.path } });
  if (code !== 0) throw new Error(`${command.join(" ")}: exit ${code}\n${stdout}${stderr}`);
  return stdout;
}

const skopeo = (...words: string[]) =>
  ok("skopeo", "--insecure-policy", "--tmpdir", directory.path, ...words);

/** Its storage below the test's directory, copied and not mounted, and no service of the machine's. */
function podman(...words: string[]): Promise<string> {
  const [root, runRoot] = [directory.join("podman/root"), directory.join("podman/run")];
  const places = ["--root", root, "--runroot", runRoot, "--tmpdir", directory.join("podman/tmp")];
  const modes = ["--storage-driver", "vfs", "--cgroup-manager", "cgroupfs", "--events-backend", "none"];
  return ok("podman", ...places, ...modes, ...words);
}

const namesOf = async (): Promise<string[]> =>
  (await ctr.ok("images", "list"))
    .split("\n")
    .slice(1, -1)
    .map((line) => line.split(/ +/).slice(0, 3).join(" "));

/** Imports into a namespace of its own, and answers `NAME TYPE DIGEST` of each image. */
async function imported(...words: string[]): Promise<string[]> {
  await ctr.ok("images", "delete", "--sync", ...(await namesOf()).map((line) => line.split(" ")[0]!));
  await ctr.ok("images", "import", ...words);
  return namesOf();
}

test("skopeo reads what we export, both ways", async () => {
  const oci = JSON.parse(await skopeo("inspect", "--raw", `oci-archive:${directory.join("ours.tar")}:1`));
  assert.is(oci.config.digest, configDigest);
  const docker = JSON.parse(await skopeo("inspect", `docker-archive:${directory.join("ours.tar")}:app:1`));
  assert.is(docker.Architecture, app.target.platform?.architecture);
  await skopeo(
    "copy",
    `docker-archive:${directory.join("ours.tar")}:app:1`,
    `dir:${directory.join("copied")}`,
  );
});

test("umoci unpacks what we export", async () => {
  mkdirSync(directory.join("layout"));
  await ok("tar", "-C", directory.join("layout"), "-xf", directory.join("ours.tar"));
  const bundle = directory.join("bundle");
  await ok("umoci", "unpack", "--image", `${directory.join("layout")}:1`, bundle);
  assert.is(await ok(`${bundle}/rootfs/bin/busybox`, "echo", "unpacked"), "unpacked\n");
});

test("podman loads what we export", async () => {
  assert.match(await podman("load", "--input", directory.join("ours.tar")), /docker\.io\/library\/app:1/);
  const [image] = JSON.parse(await podman("image", "inspect", NAME));
  assert.is(`sha256:${image.Id}`, configDigest);
});

test("podman pulls what we push, and we what it pushes, on the same digests", async () => {
  await using registry = await startRegistry(directory.path);
  const [ours, theirs] = [`${registry.host}/ours:1`, `${registry.host}/theirs:1`];
  await ctr.ok("images", "push", ours, NAME);
  await podman("pull", "--tls-verify=false", ours);
  const [pulled] = JSON.parse(await podman("image", "inspect", ours));
  assert.is(pulled.Digest, digest);
  const digestFile = directory.join("pushed-digest");
  await podman("push", "--tls-verify=false", "--format", "oci", "--digestfile", digestFile, ours, theirs);
  await ctr.ok("images", "pull", theirs);
  const listed = await ctr.ok("images", "list", `name==${theirs}`);
  assert.match(listed, readFileSync(digestFile, "utf8").trim());
  assert.is(await ctr.ok("run", "--rm", theirs, "podman-pushed", "echo", "runs"), "runs\n");
});

test("we import what podman saves", async () => {
  for (const [format, at] of [
    ["docker-archive", "podman.tar"],
    ["oci-archive", "podman-oci.tar"],
  ] as const) {
    await podman("save", "--format", format, "--output", directory.join(at), NAME);
    const [image] = await imported(directory.join(at));
    assert.match(image!, /^docker\.io\/library\/app:1 /, format);
    assert.is(await ctr.ok("run", "--rm", NAME, `podman-${format}`, "echo", "runs"), "runs\n");
  }
});

test("we import what skopeo copies", async () => {
  const from = `oci-archive:${directory.join("ours.tar")}:1`;
  await skopeo("copy", from, `oci-archive:${directory.join("skopeo.tar")}:${NAME}`);
  assert.equal(await imported(directory.join("skopeo.tar")), [`${NAME} ${app.target.mediaType} ${digest}`]);
  await skopeo("copy", from, `oci-archive:${directory.join("nameless.tar")}`);
  const [nameless] = await imported("--base-name", "example.org/base", directory.join("nameless.tar"));
  assert.is(nameless, `example.org/base@${digest} ${app.target.mediaType} ${digest}`);
  await skopeo("copy", from, `docker-archive:${directory.join("docker.tar")}:app:1`);
  assert.match((await imported(directory.join("docker.tar")))[0]!, /^docker\.io\/library\/app:1 .*docker/);
});

test("we import what umoci makes", async () => {
  const layout = directory.join("umoci");
  await writeLayout(buildIndex([app]), layout, "multi");
  await writeLayout(app, layout, "1");
  await ok("umoci", "tag", "--image", `${layout}:1`, "2");
  await ok("umoci", "config", "--image", `${layout}:2`, "--config.cmd", "true");
  await ok("tar", "-C", layout, "-cf", directory.join("umoci.tar"), ".");
  const images = await imported("--base-name", "example.org/app", directory.join("umoci.tar"));
  assert.equal(
    images.map((line) => line.split(" ")[0]),
    ["example.org/app:1", "example.org/app:2"],
  );
  await ctr.ok("run", "--rm", "example.org/app:2", "umoci");
});

test.run();
