import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type ArchivedImage, fullName, layoutArchive, refName, savedArchive } from "../../support/archive.ts";
import { busyboxImage } from "../../support/busybox-image.ts";
import { type Oracle, oracleMissing, startOracle } from "../../support/containerd.ts";
import { type Ctr, createCtr } from "../../support/ctr.ts";
import { buildImage, buildIndex, buildLayer } from "../../support/image.ts";
import { run } from "../../support/run-program.ts";
import { type TempDir, tempDir } from "../../support/temp.ts";
import { waitFor } from "../../support/wait-for.ts";

/** Archives of all kinds into the real ctr and into ours, and out again: same words, names, digests and bytes. */
const test = suite("beside the real ctr");
let directory: TempDir;
let oracle: Oracle;
let ctr: Ctr;

test.before(async () => {
  directory = tempDir();
  oracle = await startOracle(directory.path);
  ctr = createCtr(directory.path);
});
test.after(async () => {
  await ctr?.[Symbol.asyncDispose]();
  await oracle?.[Symbol.asyncDispose]();
  directory?.[Symbol.dispose]();
});

const app = busyboxImage();
const other = buildImage({ layers: [buildLayer([{ path: "other", content: "1" }])] });
const arm = buildImage({
  layers: [buildLayer([{ path: "arm", content: "1" }])],
  platform: { os: "linux", architecture: "arm64" },
});
const multi = buildIndex([app, arm]);
const docker = (compression: "none" | "gzip", text = "") =>
  busyboxImage({
    format: "docker",
    layer: { format: "docker", compression, entries: [{ path: "text", content: text }] },
  });
const shared = buildLayer([{ path: "shared", content: "shared" }], { format: "docker", compression: "none" });

const named = (image: ArchivedImage["image"], name: string): ArchivedImage => ({
  image,
  annotations: fullName(name),
});
const tagged = (image: ArchivedImage["image"], name: string): ArchivedImage => ({
  image,
  annotations: refName(name),
});

const ARCHIVES: Record<string, Uint8Array> = {
  named: layoutArchive(named(app, "docker.io/library/app:1"), named(other, "example.org/other:2")),
  tagged: layoutArchive(tagged(app, "1.0"), tagged(other, "example.org/other:2")),
  multi: layoutArchive(named(multi, "example.org/multi:1")),
  saved: savedArchive({ image: docker("none"), tags: ["app:1", "example.org/app:2"] }),
  "saved-gzip": savedArchive({ image: docker("gzip"), tags: ["app:1"] }),
  "saved-shared": savedArchive(
    { image: buildImage({ layers: [shared], format: "docker" }), tags: ["one:1"] },
    { image: buildImage({ layers: [shared], format: "docker", config: { Cmd: ["x"] } }), tags: ["two:1"] },
  ),
};

const IMPORTS = [
  "import named",
  "import --no-unpack named",
  "import tagged",
  "import --base-name example.org/base tagged",
  "import --base-name example.org tagged",
  "import --digests tagged",
  "import --digests --skip-digest-for-named tagged",
  "import --skip-digest-for-named tagged",
  "import --index-name the-index:1 named",
  "import --index-name the-index:1 saved",
  "import --all-platforms multi",
  "import multi",
  "import --no-unpack --platform linux/arm64 multi",
  "import saved",
  "import saved-gzip",
  "import saved-shared",
  "import",
  "import nowhere",
];

const ROW = /^(\S+) +\S+ +(sha256:\S+)/;
const namesAndDigests = (listing: string): string[] =>
  listing
    .split("\n")
    .slice(1)
    .flatMap((line) => ROW.exec(line)?.slice(1).join(" ") ?? []);

async function forgetAll(side: Ctr | Oracle): Promise<void> {
  const names = (await side.ok("images", "list", "-q")).split("\n").filter(Boolean);
  if (names.length > 0) await side.ok("images", "delete", "--sync", ...names);
}

for (const line of IMPORTS) {
  test(line, async () => {
    const words = line.split(" ").map((word) => {
      const bytes = ARCHIVES[word];
      const path = directory.join(`${word}.tar`);
      if (bytes && !existsSync(path)) writeFileSync(path, bytes);
      return bytes ? path : word;
    });
    await forgetAll(oracle);
    await forgetAll(ctr);
    const theirs = await oracle("images", ...words);
    const ours = await ctr("images", ...words);
    assert.is(ours.code, theirs.code, ours.stderr);
    assert.is(ours.stdout, theirs.stdout);
    const said = (text: string) => text.trim().split("\n").at(-1)!.replaceAll('"', "");
    if (theirs.code !== 0 && words.at(-1) !== "nowhere")
      assert.ok(said(ours.stderr).startsWith(said(theirs.stderr)));
    const [theirImages, ourImages] = [await oracle.ok("images", "list"), await ctr.ok("images", "list")];
    assert.equal(namesAndDigests(ourImages), namesAndDigests(theirImages));
    const checked = async (side: Ctr | Oracle) =>
      (await side("images", "check")).stdout.replaceAll(/ +/g, " ");
    // Both collect in the background what the import had no use for.
    const theirCheck = await checked(oracle);
    await waitFor(async () => (await checked(ctr)) === theirCheck).catch(() => {});
    assert.is(await checked(ctr), theirCheck);
  });
}

const EXPORTS = [
  "docker.io/library/app:1",
  "docker.io/library/app:1 example.org/other:2",
  "example.org/other:2 docker.io/library/app:1 example.org/again:1",
  "--all-platforms example.org/multi:1",
  "--platform linux/arm64 example.org/multi:1",
  "example.org/multi:1 docker.io/library/app:1",
];

/** The list of members, and every document, that for Docker in the order of its images' configs. */
async function partsOf(archive: string): Promise<unknown[]> {
  const read = async (...words: string[]) => (await run(["tar", ...words])).stdout;
  const list: { Config: string }[] = JSON.parse(await read("-xOf", archive, "manifest.json"));
  list.sort((one, two) => (one.Config < two.Config ? -1 : 1));
  return [await read("-tvf", archive), await read("-xOf", archive, "index.json"), list];
}

test("exports are the same bytes, which each imports from the other", async () => {
  for (const side of [oracle, ctr]) {
    await forgetAll(side);
    for (const name of ["named", "multi"]) {
      const path = directory.join(`${name}.tar`);
      writeFileSync(path, ARCHIVES[name]!);
      await side.ok("images", "import", "--all-platforms", path);
    }
    await side.ok("images", "tag", "example.org/other:2", "example.org/again:1");
  }
  for (const line of EXPORTS) {
    const words = line.split(" ");
    const flags = words.filter((word) => /^--|^linux/.test(word));
    const names = words.filter((word) => !flags.includes(word));
    const [theirs, ours] = [directory.join("theirs.tar"), directory.join("ours.tar")];
    await oracle.ok("images", "export", ...flags, theirs, ...names);
    assert.is(await ctr.ok("images", "export", ...flags, ours, ...names), "");
    // The real one's list for Docker has several images in no order of its own.
    const hasOrder = !names.includes("example.org/other:2");
    if (hasOrder) assert.ok(readFileSync(ours).equals(readFileSync(theirs)), line);
    else assert.equal(await partsOf(ours), await partsOf(theirs), line);
  }
});

test("what ours exports the real one imports, and the other way round", async () => {
  const [theirs, ours] = [directory.join("theirs.tar"), directory.join("ours.tar")];
  const names = ["docker.io/library/app:1", "example.org/multi:1", "example.org/other:2"];
  await oracle.ok("images", "export", "--all-platforms", theirs, ...names);
  await ctr.ok("images", "export", "--all-platforms", ours, ...names);
  const before = namesAndDigests(await ctr.ok("images", "list")).filter((line) => !line.includes("again"));
  for (const [side, archive] of [
    [oracle, ours],
    [ctr, theirs],
  ] as const) {
    await forgetAll(side);
    await side.ok("images", "import", "--all-platforms", archive);
    assert.equal(namesAndDigests(await side.ok("images", "list")), before);
    assert.match(
      await side.ok("images", "check", "name==docker.io/library/app:1"),
      /complete \(2\/2\).*true/,
    );
  }
});

test("a compressed archive is the archive", async () => {
  await forgetAll(ctr);
  for (const compress of [gzipSync, zstdCompressSync]) {
    const path = directory.join("compressed");
    writeFileSync(path, compress(ARCHIVES.named!));
    assert.match(await ctr.ok("images", "import", path), /^unpacking docker\.io\/library\/app:1/);
    const { stdout } = await ctr.with({ stdin: compress(ARCHIVES.saved!) })("images", "import", "-");
    assert.match(stdout, /^unpacking docker\.io\/library\/app:1/);
  }
});

if (oracleMissing()) throw new Error(`the real ctr is needed: ${oracleMissing()}`);
test.run();
