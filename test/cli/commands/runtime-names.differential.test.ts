import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Beside, openBeside } from "../../support/beside-oracle.ts";

const test = suite("names of runtimes, as the real ctr resolves them");
let beside: Beside;
test.before(async () => {
  beside = await openBeside();
  await beside.both("images", "pull", beside.bench.image);
});
test.after(async () => beside?.[Symbol.asyncDispose]());

for (const line of [
  "run --rm --runtime io.containerd.runc.v2 IMAGE c1 echo hello",
  "run --rm --runtime io.containerd.runc.v1 IMAGE c1 echo hello",
  "run --rm --runtime io.containerd.runtime.v1.linux IMAGE c1 echo hello",
  "run --rm --runtime nosuch IMAGE c1 true",
  "run --rm --runtime x/y IMAGE c1 true",
  "run --rm --runtime io.containerd.nosuch.v1 IMAGE c1 true",
  "run --rm --runtime a.b.c.d IMAGE c1 true",
  "run --rm --runtime /nosuch/path IMAGE c1 true",
  "run --rm --runtime= IMAGE c1 true",
  "run --rm --runtime x --runc-binary crun IMAGE c1 true",
  "run --rm --runtime x --runc-systemd-cgroup --cgroup a:b:c IMAGE c1 true",
  "containers create --runtime nosuch IMAGE c2",
  "containers create --runtime nosuch --runtime-config-path /etc/x.toml IMAGE c3",
  "containers create --runtime-config-path /etc/x.toml IMAGE c4",
  "containers create --pid-file /nosuch/pid IMAGE c5",
  "containers ls",
  "tasks start c2",
]) {
  test(line, () => beside.step(line));
}

test("the record has the same runtime", async () => {
  for (const id of ["c2", "c3", "c4"]) {
    const [theirs, ours] = await Promise.all(
      [beside.oracle, beside.bench.ctr].map(async (ctr) =>
        JSON.parse(await ctr.ok("containers", "info", id)),
      ),
    );
    assert.equal(ours.Runtime, theirs.Runtime, id);
  }
});

test("the path of runc's shim means runc; another program is no shim of ours", async () => {
  const { ctr, image } = beside.bench;
  const shim = Bun.which("containerd-shim-runc-v2")!;
  assert.is(await ctr.ok("run", "--rm", "--runtime", shim, image, "c9", "echo", "hello"), "hello\n");
  const { code, stderr } = await ctr("run", "--rm", "--runtime", Bun.which("runc")!, image, "c9", "true");
  assert.match(
    `${code} ${stderr}`,
    /^1 ctr: failed to start shim: shim .*runc.*: not implemented \(.*--runc-binary/,
  );
  assert.not.match(await ctr.ok("containers", "list", "-q"), "c9");
});

test.run();
