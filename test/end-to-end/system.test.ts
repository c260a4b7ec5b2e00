import { existsSync, mkdirSync, readdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { mountAt } from "../../src/sys/mount.ts";
import { diskUsageBytes } from "../support/disk-usage.ts";
import { mountsBelow } from "../support/mounts.ts";
import { processesNaming } from "../support/processes.ts";
import { waitFor } from "../support/wait-for.ts";
import { openWorkbench, type Workbench } from "../support/workbench.ts";

interface Report {
  checked: Record<string, number>;
  problems: { kind: string; namespace?: string; name: string; fault: string; state: string }[];
}

let bench: Workbench;
const test = suite("ctr system");
test.before(async () => {
  bench = await openWorkbench();
});
test.after(async () => {
  await bench[Symbol.asyncDispose]();
});

async function check(...flags: string[]): Promise<Report & { code: number }> {
  const { code, stdout, stderr } = await bench.ctr("system", "check", "-o", "json", ...flags);
  assert.ok(stdout.startsWith("{"), stderr);
  return { ...JSON.parse(stdout), code };
}

const kinds = ({ problems }: Report) => problems.map(({ kind, state }) => `${state} ${kind}`).sort();
const lines = (text: string) => text.trimEnd().split("\n");
const blobFile = (digest: string) =>
  join(bench.ctr.root, "content/blobs/sha256", digest.slice("sha256:".length));

/** Digests of manifest, config and layer, as their labels tell. */
async function digests(): Promise<{ manifest: string; layer: string; config: string }> {
  const blobs: { digest: string; labels: Record<string, string> }[] = JSON.parse(
    await bench.ctr.ok("content", "list", "-o", "json"),
  );
  const manifest = blobs.find(({ labels }) => "containerd.io/gc.ref.content.config" in labels)!;
  return {
    manifest: manifest.digest,
    config: manifest.labels["containerd.io/gc.ref.content.config"]!,
    layer: manifest.labels["containerd.io/gc.ref.content.l.0"]!,
  };
}

async function topSnapshot(): Promise<string> {
  const rows: { key: string }[] = JSON.parse(await bench.ctr.ok("snapshots", "list", "-o", "json"));
  return rows.find(({ key }) => key.startsWith("sha256:"))!.key;
}

test("check finds nothing wrong after a pull and beside a running container, and counts what it saw", async () => {
  const { ctr, image } = bench;
  await ctr.ok("run", "-d", image, "runs", "sleep", "1000");
  const report = await check("--verify");
  assert.equal(report.problems, []);
  assert.is(report.code, 0);
  assert.equal(
    { images: report.checked.images, content: report.checked.content, tasks: report.checked.tasks },
    { images: 1, content: 3, tasks: 1 },
  );
  assert.match(await ctr.ok("system", "check"), /^KIND +CHECKED +WRONG\n[\s\S]*content +3 +0\n/);
  await ctr.ok("tasks", "delete", "--force", "runs");
  await ctr.ok("containers", "delete", "runs");
});

test("why shows the references that hold a thing, and says so when none does", async () => {
  const { ctr, image } = bench;
  const { manifest, config, layer } = await digests();
  const top = await topSnapshot();
  assert.equal(lines(await ctr.ok("system", "why", layer)), [
    `content ${layer}: kept`,
    `  image ${image} (its record)`,
    `    content ${manifest} (its target)`,
    `      content ${layer} (label containerd.io/gc.ref.content.l.0)`,
  ]);
  const [object] = JSON.parse(await ctr.ok("system", "why", "-o", "json", top));
  assert.equal(
    object.chain.map((step: { kind: string; name: string }) => [step.kind, step.name]),
    [
      ["image", image],
      ["content", manifest],
      ["content", config],
      ["snapshot", top],
    ],
  );
  await ctr.ok("snapshots", "view", "loose", top);
  assert.is(await ctr.ok("system", "why", "loose"), "snapshot loose of overlayfs: nothing refers to it\n");
  const unknown = await ctr("system", "why", "nowhere");
  assert.is(unknown.code, 1);
  assert.match(unknown.stderr, /^ctr: "nowhere": not found/);
});

test("prune --dry-run lists what prune then removes", async () => {
  const { ctr } = bench;
  const planned = JSON.parse(await ctr.ok("system", "prune", "--dry-run", "-o", "json"));
  assert.equal(
    planned.map(({ kind, name }: { kind: string; name: string }) => [kind, name]),
    [["snapshot", "loose"]],
  );
  await ctr.ok("snapshots", "info", "loose");
  assert.match(await ctr.ok("system", "prune"), /^removed: snapshots 1, directories 1; freed .*\n$/);
  assert.is((await ctr("snapshots", "info", "loose")).code, 1);
  assert.is(await ctr.ok("system", "prune"), "nothing to remove\n");
});

test("df counts what namespaces share once, and what the next collection frees", async () => {
  const { ctr, image } = bench;
  interface Row {
    namespace?: string;
    kind: string;
    sizeBytes: number;
    sharedBytes: number;
    freeableBytes: number;
  }
  const usage = async (): Promise<{ rows: Row[]; totalBytes: number }> =>
    JSON.parse(await ctr.ok("system", "df", "-o", "json"));
  const row = (rows: Row[], namespace: string, kind: string) =>
    rows.find((one) => one.namespace === namespace && one.kind === kind)!;
  const before = await usage();
  assert.is(row(before.rows, ctr.namespace, "content").sharedBytes, 0);
  const inOther = ctr.with({ env: { CONTAINERD_NAMESPACE: `${ctr.namespace}-b` } });
  assert.is((await inOther("images", "pull", image)).code, 0);
  const after = await usage();
  for (const kind of ["content", "snapshots/overlayfs"]) {
    const [one, other] = [ctr.namespace, `${ctr.namespace}-b`].map((name) => row(after.rows, name, kind));
    assert.is(one!.sizeBytes, other!.sizeBytes, kind);
    assert.is(one!.sharedBytes, one!.sizeBytes, kind);
  }
  const grownBytes = after.totalBytes - before.totalBytes;
  assert.ok(grownBytes < 200_000, `what is shared was counted again: ${grownBytes}`);
  // Three blobs and a snapshot, of which one namespace's rows alone free no byte.
  assert.is((await inOther("images", "delete", "--sync", image)).code, 0);
  assert.is(row((await usage()).rows, `${ctr.namespace}-b`, "content"), undefined);
  assert.match(await ctr.ok("system", "df"), /^NAMESPACE +KIND +COUNT +SIZE +SHARED +FREEABLE\n/);
});

test("repair gives up what has lost its bytes so that the next pull brings it back", async () => {
  const { ctr, image } = bench;
  const { layer, manifest } = await digests();
  rmSync(blobFile(layer));
  truncateSync(blobFile(manifest), 10);
  const found = await check();
  assert.is(found.code, 1);
  assert.equal(kinds(found), ["wrong content", "wrong content"]);
  const repaired = await check("--repair");
  assert.equal(kinds(repaired), ["repaired content", "repaired content", "wrong images"]);
  assert.is(repaired.code, 1, "the image has lost its manifest");
  await ctr.ok("images", "pull", image);
  assert.equal(kinds(await check("--verify")), []);
  assert.is(await ctr.ok("run", "--rm", image, "back", "echo", "here"), "here\n");
});

test("bytes that changed without a sign are found by --verify alone", async () => {
  const { ctr, image } = bench;
  const { layer } = await digests();
  const file = Bun.file(blobFile(layer));
  const bytes = new Uint8Array(await file.arrayBuffer());
  bytes[bytes.length - 1]! ^= 1;
  writeFileSync(blobFile(layer), bytes);
  assert.equal(kinds(await check()), []);
  assert.equal(kinds(await check("--verify")), ["wrong content"]);
  assert.equal(kinds(await check("--verify", "--repair")), ["repaired content"]);
  await ctr.ok("images", "pull", image);
  assert.equal(kinds(await check("--verify")), []);
});

test("repair unpacks a layer again whose directory is gone, beneath what stands on it", async () => {
  const { ctr, image } = bench;
  await ctr.ok("containers", "create", image, "stands", "echo", "on it");
  const home = join(ctr.root, "snapshots/overlayfs");
  const [lowest] = readdirSync(home).sort((one, other) => Number(one) - Number(other));
  rmSync(join(home, lowest!), { recursive: true });
  assert.equal(kinds(await check()), ["wrong snapshots/overlayfs"]);
  assert.equal(kinds(await check("--repair")), ["repaired snapshots/overlayfs"]);
  assert.is(await ctr.ok("run", "--rm", image, "again", "echo", "here"), "here\n");
  await ctr.ok("tasks", "start", "-d", "stands");
  await ctr.ok("tasks", "delete", "--force", "stands");
  await ctr.ok("containers", "delete", "stands");
});

test("what processes leave that are killed is found and removed", async () => {
  const { ctr } = bench;
  const litter = {
    blob: blobFile(`sha256:${"ab".repeat(32)}`),
    directory: join(ctr.root, "snapshots/overlayfs/99999/fs"),
    lock: join(ctr.root, "locks/unpack-overlayfs-sha256_dead"),
    log: join(ctr.root, `logs/${ctr.namespace}/dead.log`),
    times: join(ctr.root, `logs/${ctr.namespace}/dead.log.times`),
    task: join(ctr.state, `tasks/${ctr.namespace}/dead`),
    mount: join(ctr.state, "mounts/1-1"),
  };
  const imageMount = join(ctr.state, "image-mounts/dead");
  const made = [litter.directory, litter.task, litter.mount, imageMount, join(litter.log, "..")];
  for (const directory of made) mkdirSync(directory, { recursive: true });
  for (const directory of [litter.mount, imageMount]) {
    mountAt({ type: "tmpfs", source: "tmpfs", options: [] }, directory);
  }
  for (const file of [litter.blob, litter.lock, litter.log, litter.times]) writeFileSync(file, "litter");
  writeFileSync(join(litter.task, "config.json"), "{");
  assert.equal(kinds(await check()), [
    "wrong blobs",
    "wrong directories",
    "wrong locks",
    "wrong mounts",
    "wrong mounts",
    "wrong tasks",
  ]);
  const repaired = await check("--repair");
  assert.is(repaired.code, 0);
  assert.equal(
    repaired.problems.filter(({ state }) => state !== "repaired"),
    [],
  );
  for (const path of Object.values(litter)) assert.not.ok(existsSync(path), path);
  assert.equal(mountsBelow(ctr.state), []);
});

test("the container of a run --rm is removed whose client and supervisor were killed together", async () => {
  const { ctr, image } = bench;
  const running = ctr.start(["run", "--rm", image, "orphan", "sleep", "1000"]);
  await waitFor(async () => (await ctr.ok("tasks", "list")).includes("RUNNING"), { what: "the task" });
  const [task] = JSON.parse(await ctr.ok("tasks", "list", "-o", "json"));
  running.kill("SIGKILL");
  await running.exited;
  for (const { pid, command } of processesNaming(join(ctr.state, "tasks"))) {
    if (command.includes("_supervise")) process.kill(pid, "SIGKILL");
  }
  process.kill(task.pid, "SIGKILL");
  await waitFor(async () => (await ctr.ok("tasks", "list")).includes("STOPPED"), { what: "its end" });
  assert.equal(kinds(await check()), ["wrong containers"]);
  assert.equal(kinds(await check("--repair")), ["repaired containers"]);
  assert.is(await ctr.ok("containers", "list", "-q"), "");
});

test("what a living process holds is left alone", async () => {
  const { ctr, image } = bench;
  const running = ctr.start(["run", "--rm", image, "held", "sleep", "1000"]);
  await waitFor(async () => (await ctr.ok("tasks", "list")).includes("RUNNING"), { what: "the task" });
  assert.equal(kinds(await check("--repair")), []);
  await ctr.ok("system", "prune");
  assert.match(await ctr.ok("tasks", "list"), /held +\d+ +RUNNING/);
  await ctr.ok("tasks", "kill", "-s", "KILL", "held");
  await running.exited;
});

test("collection follows by itself what frees something", async () => {
  const { ctr, image } = bench;
  const isEmpty = async () => (await ctr.ok("content", "list", "-q")) === "";
  const hasNoSnapshot = async () => lines(await ctr.ok("snapshots", "list")).length === 1;

  await ctr.ok("containers", "create", image, "last", "true");
  await ctr.ok("images", "delete", image);
  await waitFor(isEmpty, { what: "the end of the image's content" });
  assert.not.ok(await hasNoSnapshot(), "the container holds its layers");
  await ctr.ok("containers", "delete", "last");
  await waitFor(hasNoSnapshot, { what: "the end of the layers after their last container" });

  await ctr.ok("images", "pull", image);
  await ctr.ok("containers", "create", image, "leaves", "true");
  await ctr.ok("images", "delete", image);
  await ctr.ok("containers", "delete", "--keep-snapshot", "leaves");
  await waitFor(hasNoSnapshot, { what: "the end of a snapshot that was kept by nobody" });

  await ctr.ok("images", "pull", image);
  const { manifest } = await digests();
  await ctr.ok("content", "delete", manifest);
  await waitFor(isEmpty, { what: "the end of what a deleted manifest referred to" });
  await ctr.ok("images", "delete", "--sync", image);
  await waitFor(hasNoSnapshot, { what: "the end of all snapshots" });
});

test("removing everything gives the disk back", async () => {
  const { ctr, image } = bench;
  await ctr.ok("system", "prune");
  const emptyBytes = diskUsageBytes(ctr.root);
  await ctr.ok("images", "pull", image);
  await ctr.ok("run", "-d", image, "writes", "sh", "-c", "dd if=/dev/zero of=/big bs=1M count=5; echo done");
  await waitFor(async () => (await ctr.ok("tasks", "list")).includes("STOPPED"), { what: "its end" });
  assert.ok(diskUsageBytes(ctr.root) > emptyBytes + 5_000_000);
  await ctr.ok("tasks", "delete", "writes");
  await ctr.ok("containers", "delete", "writes");
  await ctr.ok("images", "delete", "--sync", image);
  const leftBytes = diskUsageBytes(ctr.root) - emptyBytes;
  // The database keeps its pages, and its log is emptied when it is next full.
  assert.ok(leftBytes < 300_000, `${leftBytes} bytes are left`);
  assert.equal(readdirSync(join(ctr.root, "snapshots/overlayfs")), []);
  assert.equal(readdirSync(join(ctr.root, "locks")), []);
});

test.run();
