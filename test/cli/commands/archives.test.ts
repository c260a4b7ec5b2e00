import {
  existsSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Digest, splitDigest } from "../../../src/core/digest.ts";
import { mediaTypes } from "../../../src/core/media-type.ts";
import { blobEntry, fullName, layoutArchive, layoutEntries, savedArchive } from "../../support/archive.ts";
import { busyboxImage } from "../../support/busybox-image.ts";
import { type Ctr, createCtr } from "../../support/ctr.ts";
import {
  type BuiltImage,
  blobOf,
  buildImage,
  buildIndex,
  buildLayer,
  digestOf,
} from "../../support/image.ts";
import { tarBytes } from "../../support/tar-bytes.ts";
import { type TempDir, tempDir } from "../../support/temp.ts";
import { waitFor } from "../../support/wait-for.ts";

const test = suite("archives");
let directory: TempDir;
let ctr: Ctr;

test.before.each(() => {
  directory = tempDir();
  ctr = createCtr(directory.path);
});
test.after.each(async () => {
  await ctr[Symbol.asyncDispose]();
  directory[Symbol.dispose]();
});

const app = busyboxImage();
const layer = app.blobs[0]!.descriptor;
const imageFor = (architecture: string, text = architecture): BuiltImage =>
  buildImage({
    layers: [buildLayer([{ path: text, content: text }])],
    platform: { os: "linux", architecture },
  });
const host = imageFor(app.target.platform!.architecture, "host");
const s390x = imageFor("s390x");
const multi = buildIndex([host, s390x]);
const NAME = "example.org/app:1";

function file(name: string, bytes: Uint8Array): string {
  writeFileSync(directory.join(name), bytes);
  return directory.join(name);
}

const archiveOf = (image: BuiltImage, name = NAME): string =>
  file("image.tar", layoutArchive({ image, annotations: fullName(name) }));

/** The archive without what only belongs to that image. */
function archiveWithout(image: BuiltImage, missing: BuiltImage): string {
  const paths = new Set(missing.blobs.map((blob) => blobEntry(blob).path));
  const entries = layoutEntries([{ image, annotations: fullName(NAME) }]);
  return file("partial.tar", tarBytes(entries.filter(({ path }) => !paths.has(path))));
}

const lines = async (...words: string[]): Promise<string[]> =>
  (await ctr.ok(...words)).split("\n").filter(Boolean);

const has = async (digest: Digest): Promise<boolean> =>
  (await lines("content", "list", "-q")).includes(digest);

const blobFile = (digest: Digest): string => {
  const { algorithm, hex } = splitDigest(digest);
  return `${ctr.root}/content/blobs/${algorithm}/${hex}`;
};

test("an imported image runs", async () => {
  await ctr.ok("images", "import", archiveOf(app));
  assert.is(await ctr.ok("run", "--rm", NAME, "c", "echo", "hello"), "hello\n");
});

test("an image without a name is found by its digest", async () => {
  const stdout = await ctr.ok("images", "import", file("nameless.tar", layoutArchive({ image: app })));
  const [, name] = /^unpacking (import-\d{4}-\d\d-\d\d@(sha256:\S+)) \(\2\)\.\.\.done\n$/.exec(stdout) ?? [];
  assert.equal(await lines("images", "list", "-q"), [name]);
  const docker = busyboxImage({ format: "docker", layer: { format: "docker", compression: "none" } });
  await ctr.ok("images", "import", "--base-name", "mine", file("saved.tar", savedArchive({ image: docker })));
  assert.match((await lines("images", "list", "-q")).join(), /^import-.*,mine@sha256:[0-9a-f]{64}$/);
});

test("of a list of platforms without names only what runs here is taken", async () => {
  const archive = file("list.tar", layoutArchive({ image: host }, { image: s390x }));
  await ctr.ok("images", "import", "--base-name", "b", archive);
  assert.equal(await lines("images", "list", "-q"), [`b@${host.target.digest}`]);
  await ctr.ok("images", "import", "--base-name", "b", "--all-platforms", archive);
  assert.is((await lines("images", "list", "-q")).length, 2);
});

test("only the platform wanted is kept", async () => {
  await ctr.ok("images", "import", archiveOf(multi));
  await waitFor(async () => !(await has(s390x.target.digest)), { what: "the other platform's removal" });
  assert.ok(await has(host.target.digest));
  await ctr.ok("images", "import", "--all-platforms", archiveOf(multi));
  assert.ok(await has(s390x.target.digest));
});

test("a platform that the archive lacks is skipped, or said to be missing", async () => {
  const partial = archiveWithout(multi, s390x);
  const all = await ctr("images", "import", "--all-platforms", partial);
  assert.is(all.code, 0);
  assert.is(all.stderr, `ctr: warning: image "${NAME}": the archive has nothing for linux/s390x\n`);
  assert.is((await ctr("images", "import", partial)).stderr, "");
  const exact = await ctr("images", "import", "--platform", "linux/s390x", partial);
  assert.is(exact.code, 1);
  assert.match(
    exact.stderr,
    /^ctr: image "example\.org\/app:1" in the archive: content digest .*: not found \(/,
  );
});

test("an image for another platform is kept packed", async () => {
  for (const archive of [archiveOf(s390x), archiveWithout(multi, host)]) {
    const { code, stdout, stderr } = await ctr("images", "import", archive);
    assert.is(code, 0, stderr);
    assert.is(stdout, "");
    assert.match(stderr, /warning: image "example\.org\/app:1" is for linux\/s390x: not unpacked\n$/);
    assert.ok(await has(s390x.target.digest));
    assert.match(await ctr.ok("images", "import", "--platform", "linux/s390x", archive), /^unpacking/);
  }
});

test("attestations and artifacts come along and hinder nothing", async () => {
  const statement = { ...blobOf("application/vnd.in-toto+json", "{}"), diffId: digestOf("{}") };
  const attestation = buildImage({ layers: [statement] });
  attestation.target.platform = { os: "unknown", architecture: "unknown" };
  attestation.target.annotations = { "vnd.docker.reference.type": "attestation-manifest" };
  const index = buildIndex([host, attestation]);
  await ctr.ok("images", "import", "--all-platforms", archiveOf(index));
  assert.ok(await has(attestation.target.digest));
  const exported = directory.join("exported.tar");
  await ctr.ok("images", "export", "--all-platforms", exported, NAME);
  assert.ok(readFileSync(exported).includes(statement.descriptor.digest.slice(7)));
  const artifact = buildImage({ layers: [statement], imageConfig: {} });
  for (const [name, image] of [
    ["example.org/artifact:1", artifact],
    ["example.org/artifacts:1", buildIndex([attestation])],
  ] as const) {
    assert.is(await ctr.ok("images", "import", archiveOf(image, name)), "");
    await ctr.ok("images", "export", exported, name);
    assert.ok(readFileSync(exported).includes(statement.descriptor.digest.slice(7)), name);
  }
});

test("layers are given back once they are unpacked", async () => {
  await ctr.ok("images", "import", "--discard-unpacked-layers", archiveOf(app));
  await waitFor(async () => !(await has(layer.digest)), { what: "the layer's removal" });
  assert.is(await ctr.ok("run", "--rm", NAME, "c", "echo", "runs"), "runs\n");
  const { code, stderr } = await ctr("images", "import", "--discard-unpacked-layers", "--no-unpack", "x");
  assert.is(code, 1);
  assert.match(stderr, /cannot be used together/);
});

test("layers of a docker save archive are compressed on demand", async () => {
  const docker = busyboxImage({ format: "docker", layer: { format: "docker", compression: "none" } });
  const archive = file("saved.tar", savedArchive({ image: docker, tags: ["app:1"] }));
  await ctr.ok("images", "import", "--compress-blobs", archive);
  const tree = await ctr.ok("images", "inspect", "docker.io/library/app:1");
  assert.match(tree, new RegExp(mediaTypes.dockerLayerGzip.replaceAll(".", "\\.")));
  await waitFor(async () => !(await has(docker.blobs[0]!.descriptor.digest)), {
    what: "the plain layer's removal",
  });
  assert.is(await ctr.ok("run", "--rm", "docker.io/library/app:1", "c", "echo", "runs"), "runs\n");
});

test("labels are added to those there are", async () => {
  await ctr.ok("images", "import", "--label", "a=1", "--label", "b=2", archiveOf(app));
  await ctr.ok("images", "import", "--label", "b=3", archiveOf(app));
  assert.match(await ctr.ok("images", "list"), / a=1,b=3 *\n$/);
});

test("importing again changes nothing, and mends what the disk has lost", async () => {
  const first = await ctr.ok("images", "import", archiveOf(app));
  const before = await ctr.ok("content", "list", "-q");
  assert.is(await ctr.ok("images", "import", archiveOf(app)), first);
  assert.is(await ctr.ok("content", "list", "-q"), before);
  truncateSync(blobFile(layer.digest), 10);
  await ctr.ok("images", "import", archiveOf(app));
  await ctr.ok("images", "check", "--verify");
});

test("importing one platform lets go of no other that is here", async () => {
  await ctr.ok("images", "import", "--all-platforms", archiveOf(multi));
  await ctr.ok("images", "import", "--platform", "linux/s390x", archiveOf(multi));
  await ctr.ok("images", "delete", "--sync", "nothing");
  await ctr.ok("images", "tag", NAME, "example.org/again:1");
  await ctr.ok("images", "delete", "--sync", NAME);
  for (const image of [host, s390x]) assert.ok(await has(image.target.digest));
});

test("imports of one archive side by side are one", async () => {
  const archive = archiveOf(app);
  const results = await Promise.all([1, 2, 3].map(() => ctr("images", "import", archive)));
  for (const { code, stderr } of results) assert.is(code, 0, stderr);
  await ctr.ok("images", "check", "--verify");
  assert.is((await ctr.ok("content", "active")).trim().split("\n").length, 1);
});

test("import names are the archive's last, as if one came after the other", async () => {
  const archive = file(
    "twice.tar",
    layoutArchive({ image: app, annotations: fullName(NAME) }, { image: host, annotations: fullName(NAME) }),
  );
  await ctr.ok("images", "import", archive);
  assert.match(await ctr.ok("images", "list"), new RegExp(host.target.digest));
});

test("of several archives each is imported, whatever becomes of the others", async () => {
  const named = (image: BuiltImage, name: string) =>
    file(`${name}.tar`, layoutArchive({ image, annotations: fullName(`example.org/${name}:1`) }));
  const broken = file("broken.tar", Buffer.from("root:secret\n".repeat(100)));
  const words = ["images", "import", named(app, "one"), broken, "/nowhere", named(host, "two")];
  const { code, stdout, stderr } = await ctr(...words);
  assert.is(code, 1);
  assert.equal(stdout.match(/unpacking \S+/g), [
    "unpacking example.org/one:1",
    "unpacking example.org/two:1",
  ]);
  assert.equal(stderr.split("\n"), [
    `ctr: error: ${broken}: tar archive: not a tar header: invalid argument`,
    'ctr: error: /nowhere: open "/nowhere": no such file or directory',
    `ctr: ${broken}: tar archive: not a tar header: invalid argument`,
    "",
  ]);
  assert.equal(await lines("images", "list", "-q"), ["example.org/one:1", "example.org/two:1"]);
  const { stderr: refusal } = await ctr("images", "import", "--index-name", "x", broken, broken);
  assert.is(refusal, "ctr: --index-name names the index of one archive only\n");
});

test("a directory, and what is not there, are said to be so", async () => {
  assert.match(
    (await ctr("images", "import", directory.path)).stderr,
    /^ctr: give a tar archive: .*is a directory\n$/,
  );
  assert.match(
    (await ctr("images", "import", "/nowhere")).stderr,
    /^ctr: open "\/nowhere": no such file or directory\n$/,
  );
});

test("export and import restore the same image", async () => {
  await ctr.ok("images", "import", "--all-platforms", archiveOf(multi));
  const before = [await ctr.ok("images", "list"), await ctr.ok("content", "list", "-q")];
  await ctr.ok("images", "export", "--all-platforms", directory.join("out.tar"), NAME);
  await ctr.ok("images", "delete", "--sync", NAME);
  assert.equal(await lines("content", "list", "-q"), []);
  await ctr.ok("images", "import", "--all-platforms", directory.join("out.tar"));
  assert.equal([await ctr.ok("images", "list"), await ctr.ok("content", "list", "-q")], before);
});

test("of a partial image, what is here is exported", async () => {
  await ctr.ok("images", "import", "--platform", "linux/s390x", archiveOf(multi));
  await waitFor(async () => !(await has(host.target.digest)), { what: "the other platform's removal" });
  await ctr.ok("images", "export", directory.join("out.tar"), NAME);
  assert.ok(readFileSync(directory.join("out.tar")).includes(s390x.target.digest.slice(7)));
  const { code, stderr } = await ctr("images", "export", "--all-platforms", directory.join("all.tar"), NAME);
  assert.is(code, 1);
  assert.match(
    stderr,
    /^ctr: export image "example\.org\/app:1": content digest sha256:\S+: not found \(bring it with: ctr images pull --all-platforms example\.org\/app:1\)\n$/,
  );
  assert.not.ok(existsSync(directory.join("all.tar")));
});

test("a failed export leaves what was there", async () => {
  await ctr.ok("images", "import", archiveOf(app));
  const out = file("out.tar", Buffer.from("precious"));
  const bytes = readFileSync(blobFile(layer.digest));
  bytes[bytes.length >> 1]! ^= 1;
  writeFileSync(blobFile(layer.digest), bytes);
  const { code, stderr } = await ctr("images", "export", out, NAME);
  assert.is(code, 1);
  assert.match(stderr, /^ctr: content sha256:\S+ is damaged: data loss \(.*--repair\)\n$/);
  assert.is(readFileSync(out, "utf8"), "precious");
  assert.equal(readdirSync(directory.path).sort(), ["ctr", "image.tar", "out.tar"]);
});

test("an export follows a link, and keeps the permissions of what it replaces", async () => {
  await ctr.ok("images", "import", archiveOf(app));
  const real = file("real.tar", Buffer.from("old"));
  symlinkSync("real.tar", directory.join("link.tar"));
  const mode = statSync(real).mode;
  await ctr.ok("images", "export", directory.join("link.tar"), NAME);
  assert.is(statSync(real).mode, mode);
  assert.ok(statSync(real).size > layer.size);
  const { stdoutBytes } = await ctr("images", "export", "-", NAME);
  assert.ok(readFileSync(real).equals(stdoutBytes));
});

test("manifest.json can be left out", async () => {
  await ctr.ok("images", "import", archiveOf(app));
  const plain = await ctr("images", "export", "-", NAME);
  const bare = await ctr("images", "export", "--skip-manifest-json", "-", NAME);
  assert.not.ok(Buffer.from(bare.stdoutBytes).includes("manifest.json"));
  assert.ok(Buffer.from(plain.stdoutBytes).includes("manifest.json"));
});

test("layers that only their makers distribute can be left out", async () => {
  const foreign = buildLayer([{ path: "foreign", content: "foreign" }]);
  foreign.descriptor.mediaType = mediaTypes.ociForeignLayerGzip;
  await ctr.ok("images", "import", archiveOf(buildImage({ layers: [foreign] })));
  const { stdoutBytes } = await ctr("images", "export", "--skip-non-distributable", "-", NAME);
  const bytes = Buffer.from(stdoutBytes);
  assert.not.ok(bytes.includes(`blobs/sha256/${foreign.descriptor.digest.slice(7)}\0`));
  await ctr.ok("images", "delete", "--sync", NAME);
  await ctr.ok("images", "import", "--no-unpack", file("bare.tar", bytes));
});

test("what an export is asked for and is not here", async () => {
  await ctr.ok("images", "import", archiveOf(multi));
  for (const [words, says] of [
    [["x.tar", "nothing"], /^ctr: image "nothing": not found \(pull it with/],
    [
      ["--platform", "linux/riscv64", "x.tar", NAME],
      /no match for platform linux\/riscv64 .*choose one of linux\/\w+, linux\/s390x\)/,
    ],
    [["x.tar"], /^ctr: please provide both an output filename and an image reference to export\n$/],
    [[directory.path, NAME], /is a directory/],
    [[`${directory.path}/none/x.tar`, NAME], /no such file or directory/],
  ] as const) {
    const { code, stderr } = await ctr.with({ cwd: directory.path })("images", "export", ...words);
    assert.is(code, 1);
    assert.match(stderr, says);
  }
  assert.not.ok(existsSync(directory.join("x.tar")));
});

test.run();
