import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Oracle, oracleMissing, startOracle } from "../support/containerd.ts";
import type { RunResult } from "../support/run-program.ts";
import { openWorkbench, type Workbench } from "../support/workbench.ts";

/**
 * The same commands, in the same order, to the real ctr and to ours: exit code and standard output must be equal.
 * Of standard error the real one's last line must start ours, which may add an error's class and a hint.
 */
const test = suite("beside the real ctr");
let bench: Workbench;
let oracle: Oracle;

test.before(async () => {
  bench = await openWorkbench({ isPulled: false });
  oracle = await startOracle(bench.directory.path);
  for (const name of ["overlayfs", "native"]) {
    await bench.ctr.ok("images", "pull", "--snapshotter", name, bench.image);
    await oracle.ok("images", "pull", "--snapshotter", name, bench.image);
  }
});
test.after(async () => {
  await oracle?.[Symbol.asyncDispose]();
  await bench?.[Symbol.asyncDispose]();
});

/** What two runs can never have in common. */
function comparable(text: string, namespace: string): string {
  return (
    text
      .replaceAll(namespace, "NAMESPACE")
      // Its own name for a snapshot.
      .replaceAll(/NAMESPACE\/\d+\//g, "")
      // Help has words of its own.
      .replace(/^(Incorrect Usage.*)\n[\s\S]*$/, "$1")
      .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)/g, "TIME")
      .replaceAll(/^(\w+ +)\d+( +[A-Z]+)$/gm, "$1PID$2")
      .replaceAll(/^\d+( +-)$/gm, "PID$1")
      .replaceAll(/ +$/gm, "")
  );
}

const lastLine = (text: string): string => text.trimEnd().split("\n").at(-1) ?? "";

function equally(name: string, commands: readonly string[]): void {
  test(name, async () => {
    for (const line of commands) {
      const words = line.split(" ").map((word) => (word === "IMAGE" ? bench.image : word));
      const theirs = await oracle(...words);
      const ours = await bench.ctr(...words);
      compare(line, theirs, ours);
    }
  });
}

function compare(line: string, theirs: RunResult, ours: RunResult): void {
  const said = comparable(lastLine(ours.stderr), bench.ctr.namespace);
  const expected = comparable(lastLine(theirs.stderr), oracle.namespace);
  assert.is(ours.code, theirs.code, `${line}: exit code, ${said}`);
  const printed = comparable(ours.stdout, bench.ctr.namespace);
  const wanted = comparable(theirs.stdout, oracle.namespace);
  // The order of an object's fields is no part of what it says.
  if (wanted.startsWith("{")) assert.equal(JSON.parse(printed), JSON.parse(wanted), line);
  else assert.is(printed, wanted, `${line}: standard output`);
  if (!expected.startsWith("ctr:") && theirs.code === 0) return;
  const start = said.slice(0, expected.length);
  assert.is(start, expected, `${line}: standard error`);
}

equally("what is no command, or no flag", [
  "nosuch",
  "images nosuch",
  "help nosuch",
  "images pull --label",
  "tasks kill -a --exec-id x c",
  "tasks kill -s FOO c",
]);

equally("namespaces", [
  "namespaces create",
  "namespaces create one a=1",
  "namespaces create one",
  "namespaces create two words",
  "namespaces label one b=2 a=",
  "namespaces ls",
  "namespaces ls -q",
  "namespaces rm one two nosuch",
  "namespaces rm",
  "namespaces ls",
]);

equally("images", [
  "images ls",
  "images ls -q",
  "images ls name==nosuch",
  "images pull",
  "images pull --platform x/y/z/w IMAGE",
  "images tag IMAGE",
  "images tag",
  "images tag IMAGE x:1 x:2",
  "images tag IMAGE x:1",
  "images tag --force IMAGE x:1",
  "images tag nosuch:1 y",
  "images label",
  "images label x:1 k=v",
  "images label -r x:1 z=1",
  "images label nosuch z=1",
  "images ls",
  "images ls labels.z==1",
  "images ls name==(",
  "images rm x:1 nosuch x:2",
  "images rm",
]);

equally("content", [
  "content ls -q",
  "content get",
  "content get zz",
  "content rm",
  "content ingest",
  "content label",
  "content active",
]);

equally("snapshots", [
  "snapshots ls",
  "snapshots info nosuch",
  "snapshots prepare k1 nosuch",
  "snapshots prepare k1",
  "snapshots prepare k1",
  "snapshots view v1",
  "snapshots commit c1 k1",
  "snapshots commit c3 nosuch",
  "snapshots mounts /t nosuch",
  "snapshots prepare k2 c1",
  "snapshots tree",
  "snapshots ls",
  "snapshots usage",
  "snapshots usage -b k2",
  "snapshots info k2",
  "snapshots info v1",
  "snapshots label v1 a=1",
  "snapshots label v1 a=",
  "snapshots label nosuch a=1",
  "snapshots view v2 nosuch",
  "snapshots view v3 c1",
  "snapshots commit c2 v3",
  "snapshots commit c1 k2",
  "snapshots mounts /t c1",
  "snapshots usage nosuch",
  "snapshots diff",
  "snapshots diff nosuch",
  "snapshots diff c1 nosuch",
  "snapshots diff --media-type text/plain c1",
  "snapshots diff --media-type application/vnd.oci.image.layer.v1.tar c1",
  "snapshots diff --media-type application/vnd.oci.image.layer.v1.tar c1 k2",
  "snapshots unpack",
  "snapshots unpack zz",
  "snapshots unpack sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
  "snapshots rm c1",
  "snapshots rm nosuch",
  "snapshots rm k2 v3 c1",
  "snapshots --snapshotter nosuch ls",
  "snapshots ls",
]);

equally("snapshots that are plain copies", [
  "snapshots --snapshotter native ls",
  "snapshots --snapshotter native tree",
  "snapshots --snapshotter native usage -b",
  "snapshots --snapshotter native prepare k1",
  "snapshots --snapshotter native commit c1 k1",
  "snapshots --snapshotter native prepare k2 c1",
  "snapshots --snapshotter native usage -b k2",
  "snapshots --snapshotter native tree",
  "snapshots --snapshotter native rm c1",
  "snapshots --snapshotter native rm k2 c1",
  "snapshots --snapshotter native ls",
]);

test("mounts of snapshots differ in their directories alone", async () => {
  const chain = (await oracle.ok("snapshots", "ls")).match(/sha256:\w+/)![0];
  for (const words of [
    ["prepare", "--mounts", "m1"],
    ["prepare", "--mounts", "m2", chain],
    ["view", "--mounts", "m3", chain],
    ["prepare", "-t", "/there", "m4", chain],
    ["mounts", "/there", "m1"],
    ["mounts", "/there", "m2"],
  ]) {
    const theirs = await oracle.ok("snapshots", ...words);
    const ours = await bench.ctr.ok("snapshots", ...words);
    const withoutPlaces = (text: string) => text.replaceAll(/\/[^\s:,"=]*\/\d+\/(fs|work)/g, "/$1");
    assert.is(withoutPlaces(ours), withoutPlaces(theirs), words.join(" "));
  }
  for (const ctr of [oracle, bench.ctr]) await ctr.ok("snapshots", "rm", "m1", "m2", "m3", "m4");
});

equally("leases", [
  "leases create --id l1 x=y",
  "leases create --id l1",
  "leases ls -q",
  "leases rm nosuch",
  "leases rm l1",
  "leases ls",
]);

equally("containers and tasks", [
  "containers ls",
  "containers create",
  "containers create IMAGE c1 sleep 1000",
  "containers create nosuch:1 c2",
  "containers ls",
  "containers ls -q",
  "containers ls id==nosuch",
  "containers info",
  "containers info nosuch",
  "containers info --spec c1",
  "containers rm",
  "containers rm nosuch",
  "tasks ls",
  "tasks start nosuch",
  "tasks start -d --null-io c1",
  "tasks start -d --null-io c1",
  "tasks ls",
  "tasks ls -q",
  "tasks ps c1",
  "tasks ps nosuch",
  "tasks kill nosuch",
  "tasks kill -s 0 c1",
  "tasks kill --exec-id x c1",
  "tasks exec --exec-id e1 c1 sh -c exit\t4",
  "tasks exec --exec-id e1 c1 nosuch",
  "tasks exec --exec-id e1 c1",
  "tasks delete c1",
  "tasks delete -f c1",
  "tasks ls",
  "containers rm c1",
  "containers ls",
]);

equally("run", [
  "run",
  "run --rm -d IMAGE r1",
  "run --rm IMAGE r1 sh -c exit\t3",
  "run --rm IMAGE r1 nosuch",
  "run --rm IMAGE r1 -- true",
  "run --rm --mount x IMAGE r1",
  "run --rm --cap-add x IMAGE r1 true",
  "run --rm --cpus 1 --cpu-quota 3 IMAGE r1 true",
  "run --rm --runc-systemd-cgroup IMAGE r1 true",
  "run --rm --config /nosuch r1 x",
  "run --rm IMAGE r1 echo --rm -x",
]);

if (oracleMissing()) throw new Error(`the real ctr is needed: ${oracleMissing()}`);
test.run();
