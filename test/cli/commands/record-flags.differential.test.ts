import { writeFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { FLAG_CASES } from "../../oci/flag-cases.ts";
import { type Beside, openBeside } from "../../support/beside-oracle.ts";

/** Flag by flag, on the command line of both: the container's whole record must be the same. */
const test = suite("records of containers, as the real ctr makes them");
let beside: Beside;
let lastId = 0;

test.before(async () => {
  beside = await openBeside();
  await beside.both("images", "pull", beside.bench.image);
  await beside.both("images", "pull", "--snapshotter", "native", beside.bench.image);
});
test.after(async () => beside?.[Symbol.asyncDispose]());

/** Without what differs by nature: times, and the namespace in paths. */
async function records(id: string): Promise<[unknown, unknown]> {
  const { bench, oracle } = beside;
  const read = async (ctr: typeof oracle | typeof bench.ctr) => {
    const { CreatedAt, UpdatedAt, ...record } = JSON.parse(
      (await ctr.ok("containers", "info", id)).replaceAll(ctr.namespace, "NAMESPACE"),
    );
    assert.match(`${CreatedAt} ${UpdatedAt}`, /^\d{4}-.*Z \d{4}-.*Z$/);
    return record;
  };
  return [await read(bench.ctr), await read(oracle)];
}

async function compare(words: readonly string[], positionals: readonly string[]): Promise<void> {
  const id = `c${++lastId}`;
  const placed = positionals.map((word) => (word === "ID" ? id : word));
  await beside.both("containers", "create", ...words, ...placed);
  const [ours, theirs] = await records(id);
  assert.equal(ours, theirs);
}

/** What only `run` has: whether such a container can start is the runtime's affair, its record is there. */
async function compareRun(words: readonly string[], positionals: readonly string[]): Promise<void> {
  const id = `c${++lastId}`;
  const placed = positionals.map((word) => (word === "ID" ? id : word));
  const { bench, oracle } = beside;
  const line = ["run", "-d", "--null-io", ...words, ...placed];
  const [theirs, ours] = await Promise.all([oracle(...line), bench.ctr(...line)]);
  assert.is(ours.code, theirs.code, ours.stderr);
  if (theirs.code === 0) {
    const [record, wanted] = await records(id);
    assert.equal(record, wanted);
  }
  for (const ctr of [oracle, bench.ctr]) await ctr("tasks", "delete", "--force", id);
}

const asCreated = () => [beside.bench.image, "ID", "sleep", "100"];

for (const { name, words, on } of FLAG_CASES) {
  // For maps of users the real one copies the image, each hardlink for itself.
  if (words && !name.startsWith("--uidmap and"))
    test(`${name}${on ? ` (${on})` : ""}`, () => (on === "run" ? compareRun : compare)(words, asCreated()));
}

// Not --no-pivot, which theirs forgets: ours is in the record, for tasks start.
for (const words of [
  ["--snapshotter", "native"],
  ["--snapshotter-label", "a=b", "--label", "c=d", "--label", "e"],
  ["--privileged"],
  ["--privileged", "--cap-drop", "CAP_SYS_BOOT", "--seccomp"],
  ["--seccomp"],
  ["--device", "/dev/net"],
  ["--tty"],
  ["--runtime", "io.containerd.runc.v1"],
]) {
  test(words.join(" "), () => compare(words, asCreated()));
}

for (const words of [
  [],
  ["--runc-binary", "runc"],
  ["--pid-file", "/dev/null/x"],
  ["--cpus", "0.5", "--cpu-shares", "10"],
  ["--runc-systemd-cgroup", "--cgroup", "a:b:c"],
  ["--gpus", "0"],
  ["--apparmor-default-profile", "p"],
]) {
  test(`run ${words.join(" ")}`, () => compareRun(words, asCreated()));
}

test("--rootfs", () => compare(["--rootfs", "--env", "A=1"], [beside.bench.directory.path, "ID", "true"]));

test("--config, over everything but labels", async () => {
  const file = beside.bench.directory.join("config.json");
  const spec = JSON.parse(await beside.oracle.ok("oci", "spec"));
  writeFileSync(file, JSON.stringify({ ...spec, hostname: "own", annotations: { own: "1" } }));
  await compare(["--config", file, "--label", "a=b", "--env", "A=1", "--read-only"], ["ID"]);
});

test.run();
