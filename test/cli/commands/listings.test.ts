import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ctrExecutable } from "../../support/ctr.ts";
import { run } from "../../support/run-program.ts";
import { openWorkbench, type Workbench } from "../../support/workbench.ts";

const test = suite("listings and records");
let bench: Workbench;
test.before(async () => {
  bench = await openWorkbench();
});
test.after(async () => {
  await bench[Symbol.asyncDispose]();
});

/** The fields of the first object that a listing prints as JSON. */
async function fieldsOf(...words: string[]): Promise<string[]> {
  const records = JSON.parse(await bench.ctr.ok(...words, "--output", "json"));
  assert.ok(Array.isArray(records) && records.length > 0, words.join(" "));
  return Object.keys(records[0]);
}

const TIMES = ["createdAt", "updatedAt"];

test("every listing has stable fields as JSON", async () => {
  const { ctr, image } = bench;
  await ctr.ok("containers", "create", image, "c1", "true");
  await ctr.ok("leases", "create", "--id", "l1");
  assert.equal(await fieldsOf("images", "ls"), [
    ...["name", "mediaType", "digest", "sizeBytes", "platforms", "labels"],
    ...TIMES,
  ]);
  assert.equal(await fieldsOf("containers", "ls"), [
    ...["id", "image", "runtime", "snapshotter", "snapshotKey", "labels"],
    ...TIMES,
  ]);
  assert.equal(await fieldsOf("content", "ls"), ["digest", "sizeBytes", "labels", ...TIMES]);
  assert.equal(await fieldsOf("snapshots", "ls"), ["key", "parent", "kind", "labels", ...TIMES]);
  assert.equal(await fieldsOf("snapshots", "usage"), ["key", "sizeBytes", "inodes"]);
  assert.equal(await fieldsOf("leases", "ls"), ["id", "labels", "createdAt", "expiresAt"]);
  assert.equal(await fieldsOf("namespaces", "ls"), ["name", "labels"]);
  assert.is(await ctr.ok("tasks", "ls", "-o", "json"), "[]\n");
  await ctr.ok("containers", "rm", "c1");
  await ctr.ok("leases", "rm", "--sync", "l1");
});

test("another format is refused", async () => {
  const { code, stderr } = await bench.ctr("images", "ls", "-o", "yaml");
  assert.is(code, 1);
  assert.is(stderr, 'ctr: invalid value "yaml" for flag -o: must be table or json\n');
});

test("images answer to their short names", async () => {
  const { ctr, image } = bench;
  await ctr.ok("images", "tag", image, "docker.io/library/tool:latest");
  assert.is(await ctr.ok("images", "label", "tool", "a=b"), "a=b\n");
  assert.is(await ctr.ok("run", "--rm", "tool", "t1", "echo", "works"), "works\n");
  assert.is(await ctr.ok("images", "rm", "tool", "nosuch"), "docker.io/library/tool:latest\n");
});

test("an image with a damaged document is listed, with a word about it", async () => {
  const { ctr, image } = bench;
  const elsewhere = ["-n", `${ctr.namespace}-damaged`];
  await ctr.ok(...elsewhere, "images", "pull", image);
  const [{ digest }] = JSON.parse(await ctr.ok(...elsewhere, "images", "ls", "-o", "json"));
  await ctr.ok(...elsewhere, "content", "rm", digest);
  const { code, stdout } = await ctr(...elsewhere, "images", "ls");
  assert.is(code, 0);
  assert.match(stdout, new RegExp(`^${image} .* - +- +- *$`, "m"));
  await ctr.ok(...elsewhere, "images", "rm", "--sync", image);
});

test("content: stored, listed, labelled, printed, deleted", async () => {
  const { ctr } = bench;
  const digest = `sha256:${new Bun.CryptoHasher("sha256").update("hello\n").digest("hex")}`;
  const ingest = (...words: string[]) => ctr.with({ stdin: "hello\n" })("content", "ingest", ...words);
  assert.is((await ingest("--expected-digest", digest, "--expected-size", "6", "one")).stderr, "");
  assert.is((await ingest("one")).code, 0);
  assert.is(await ctr.ok("content", "get", digest), "hello\n");
  assert.is(
    await ctr.ok("content", "label", digest, "b=2", "a=1", "containerd.io/gc.root=x"),
    "a=1,b=2,containerd.io/gc.root=x\n",
  );
  assert.match(await ctr.ok("content", "ls", "labels.b==2"), /^DIGEST\t.*\n.*\t6B\t.*\ta=1,b=2/);

  const short = await ingest("--expected-size", "7", "two");
  assert.is(short.code, 1);
  assert.match(short.stderr, /^ctr: failed commit on ref "two": .*size.*: failed precondition\n$/);
  assert.match(await ctr.ok("content", "active"), /^REF\tSIZE\tAGE\t+\ntwo\t6B\t.+\t\n$/);
  assert.is(await ctr.ok("content", "rm", digest, digest), `${digest}\n`);
});

test("snapshots: mount commands and JSON of what was made", async () => {
  const { ctr } = bench;
  const printed = await ctr.ok("snapshots", "prepare", "-t", "/mnt", "s1");
  assert.match(printed, /^mount -t bind \/.* \/mnt -o rw,rbind\n$/);
  assert.is(await ctr.ok("snapshots", "mounts", "/mnt", "s1"), printed);
  const mounts = JSON.parse(await ctr.ok("snapshots", "view", "--mounts", "s2"));
  assert.equal(Object.keys(mounts[0]), ["Type", "Source", "Options"]);
  await ctr.ok("snapshots", "rm", "s1", "s2");
});

test("more images are listed than files may be open", async () => {
  const { ctr, image } = bench;
  const names = Array.from({ length: 60 }, (_, index) => `many:${index}`);
  await ctr.ok("images", "tag", image, ...names);
  const few = `ulimit -n 40; exec '${ctrExecutable}' images ls name~=many -o json`;
  const { code, stdout, stderr } = await run(["sh", "-c", few], { env: ctr.env });
  assert.equal([code, stderr], [0, ""]);
  const sizes = JSON.parse(stdout).map(({ sizeBytes }: { sizeBytes: unknown }) => typeof sizeBytes);
  assert.equal(sizes, Array(60).fill("number"));
  await ctr.ok("images", "rm", ...names);
});

test("leases expire when they say", async () => {
  const { ctr } = bench;
  const id = (await ctr.ok("leases", "create", "--expires", "0", "a")).trim();
  await ctr.ok("leases", "create", "--id", "short", "-x", "1h30m");
  const leases = JSON.parse(await ctr.ok("leases", "ls", "-o", "json"));
  const find = (wanted: string) => leases.find((lease: { id: string }) => lease.id === wanted);
  assert.is(find(id).expiresAt, undefined);
  assert.equal(find(id).labels, { a: "" });
  const minutes = (Date.parse(find("short").expiresAt) - Date.parse(find("short").createdAt)) / 60_000;
  assert.ok(Math.abs(minutes - 90) < 1);
  assert.is(await ctr.ok("leases", "rm", id, "short"), `${id}\nshort\n`);
});

test("a namespace that is removed with -c takes its cgroup along", async () => {
  const { ctr, image } = bench;
  const name = `${ctr.namespace}-gone`;
  await ctr.ok("-n", name, "run", "--rm", image, "c", "true");
  const busy = await ctr("namespaces", "rm", name);
  assert.is(busy.code, 1);
  assert.match(busy.stderr, /^ctr: unable to delete .* must be empty, but it still has images, blobs, .*\n$/);
  await ctr.ok("-n", name, "images", "rm", "--sync", image);
  assert.is(await ctr.ok("namespaces", "rm", "-c", name), `${name}\n`);
  const left = await Array.fromAsync(
    new Bun.Glob(`**/${name}`).scan({ cwd: "/sys/fs/cgroup", onlyFiles: false }),
  );
  assert.equal(left, []);
});

test.run();
