import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { isLayer } from "../../src/core/media-type.ts";
import { busyboxImage } from "../support/busybox-image.ts";
import { createCtr, ctrExecutable } from "../support/ctr.ts";
import { buildIndex } from "../support/image.ts";
import { pushImage } from "../support/push-image.ts";
import { startRegistry } from "../support/registry.ts";
import { run } from "../support/run-program.ts";
import { openWorkbench, type Workbench } from "../support/workbench.ts";

let bench: Workbench;
const test = suite("errors");
test.before(async () => {
  bench = await openWorkbench();
});
test.after(async () => {
  await bench[Symbol.asyncDispose]();
});

/** One line on stderr that matches, exit 1, nothing on stdout, and the same containers, snapshots and content as before. */
async function fails(words: string[], sentence: RegExp, env: Record<string, string> = {}) {
  const before = await inventory();
  const { code, stdout, stderr } = await bench.ctr.with({ env })(...words);
  assert.is(`${code} ${stdout}`, "1 ", stderr);
  assert.match(stderr, /^ctr: [^\n]+\n$/);
  assert.match(stderr, sentence);
  assert.equal(await inventory(), before);
}

async function inventory(): Promise<string[]> {
  const { ctr } = bench;
  const listings = [
    "containers list -q",
    "tasks list -q",
    "images list -q",
    "snapshots list",
    "content list -q",
    "leases list -q",
  ];
  return Promise.all([...listings.map((words) => ctr.ok(...words.split(" "))), ingests()]);
}

async function ingests(): Promise<string> {
  return bench.ctr.ok("content", "active");
}

test("not found", async () => {
  const { image } = bench;
  const missing = image.replace(":latest", ":missing");
  await fails(["images", "pull", missing], /failed to resolve reference ".*:missing": .*: not found/);
  await fails(["containers", "info", "nobody"], /container "nobody" in namespace ".*": not found/);
  await fails(["containers", "delete", "nobody"], /container "nobody" in namespace ".*": not found/);
  await fails(["tasks", "kill", "nobody"], /container "nobody" in namespace ".*": not found/);
  await fails(["content", "get", `sha256:${"0".repeat(64)}`], /content digest sha256:0+: not found/);
});

test("already exists", async () => {
  const { ctr, image } = bench;
  await ctr.ok("containers", "create", image, "taken");
  await fails(["containers", "create", image, "taken"], /"taken": already exists/);
  await fails(["run", image, "taken", "true"], /"taken": already exists/);
  await fails(["run", "--rm", image, "taken", "true"], /"taken": already exists/);
  await fails(["namespaces", "create", ctr.namespace], /already exists/);
  await fails(["images", "tag", image, image], /already exists/);
  await ctr.ok("containers", "delete", "taken");
});

test("bad reference", async () => {
  await fails(
    ["images", "pull", "UPPER/case"],
    /invalid reference "UPPER\/case": repository name must be lowercase/,
  );
  await fails(["images", "pull", "host.example/app@sha256:../../etc"], /invalid reference/);
  await fails(["images", "pull", "host.example/../../etc:1"], /invalid reference/);
});

test("no such platform", async () => {
  const { registry } = bench;
  const arm = busyboxImage({ platform: { os: "linux", architecture: "arm64" } });
  const ref = await pushImage(buildIndex([arm]), registry, "only-arm");
  await fails(
    ["images", "pull", ref],
    /no match for platform linux\/amd64.*choose one with --platform: linux\/arm64/,
  );
  await fails(
    ["images", "pull", "--platform", "linux/", ref],
    /invalid platform linux\/.*cannot parse platform/,
  );
});

test("wrong credentials, which are never shown", async () => {
  await using guarded = await startRegistry(bench.directory.join("guarded", "registry"), {
    credentials: { username: "user", password: "right" },
  });
  const ref = `${guarded.host}/app:1`;
  await fails(["images", "pull", ref], /401 Unauthorized.*--user/);
  await fails(
    ["images", "pull", "--user", "user:wrong-secret", ref],
    /^(?!.*wrong-secret).*401 Unauthorized/,
  );
});

test("unreachable registry", async () => {
  await fails(["images", "pull", "localhost:1/app:1"], /dial tcp localhost:1: connect: connection refused/);
});

test("untrusted certificate", async () => {
  await using secure = await startRegistry(bench.directory.join("secure", "registry"), { tls: true });
  await fails(["images", "pull", `${secure.host}/app:1`], /failed to verify certificate.*--tlscacert/);
});

test("digest mismatch", async () => {
  const { registry, directory } = bench;
  const damaged = busyboxImage({ layer: { entries: [{ path: "damaged", content: "soon" }] } });
  const ref = await pushImage(damaged, registry, "damaged");
  const layer = damaged.blobs.find(({ descriptor }) => isLayer(descriptor.mediaType))!;
  damageBlob(join(directory.path, "registry", "storage"), layer.descriptor.digest);
  const fresh = {
    CONTAINERD_NAMESPACE: `${bench.ctr.namespace}-fresh`,
    CTR_ROOT: directory.join("fresh-root"),
  };
  const { code, stderr } = await bench.ctr.with({ env: fresh })("images", "pull", ref);
  assert.is(code, 1);
  assert.match(stderr, /^ctr: [^\n]*sha256:[^\n]*\n$/);
  for (const words of [
    "content active",
    "content list -q",
    "snapshots list",
    "images list -q",
    "leases list -q",
  ]) {
    const left = (await bench.ctr.with({ env: fresh })(...words.split(" "))).stdout.split("\n").slice(0, -1);
    assert.ok(left.length <= (words.endsWith("-q") ? 0 : 1), `${words}: ${left.join("; ")}`);
  }
});

/** Flips a byte in the middle of what the registry has stored. */
function damageBlob(storage: string, digest: string) {
  const [, hex = ""] = digest.split(":");
  const file = join(storage, "docker/registry/v2/blobs/sha256", hex.slice(0, 2), hex, "data");
  const data = readFileSync(file);
  data[data.length >> 1]! ^= 0xff;
  writeFileSync(file, data);
}

test("runc missing", async () => {
  const { image } = bench;
  await fails(["run", image, "no-runtime", "true"], /"runc".*not found.*apt-get install runc/, {
    PATH: "/nowhere",
  });
});

test("programs in the sbin beside a bin of PATH are found, as cron and su need it", async () => {
  const { ctr, image, directory } = bench;
  const runtime = directory.join("beside/sbin/a-runtime");
  mkdirSync(directory.join("beside/sbin"), { recursive: true });
  writeFileSync(runtime, `#!/bin/sh\nexec '${Bun.which("runc")}' "$@"\n`, { mode: 0o755 });
  const env = { PATH: `${directory.join("beside/bin")}:/usr/bin:/bin` };
  const words = ["run", "--rm", "--runc-binary", "a-runtime", image, "beside", "echo", "found"];
  assert.is((await ctr.with({ env })(...words)).stdout, "found\n");
});

test("no command", async () => {
  const { ctr, image } = bench;
  const bare = await pushImage(busyboxImage({ config: {} }), bench.registry, "bare");
  await ctr.ok("images", "pull", bare);
  for (const flag of ["--rm", "-d"]) {
    await fails(
      ["run", flag, bare, "bare"],
      /OCI runtime create failed: .* \(it has no command: give one after /,
    );
  }
  await ctr.ok("run", "-d", image, "stands", "sleep", "1000");
  await fails(["tasks", "exec", "stands"], /OCI runtime exec failed: .* \(give a command after /);
  await ctr.ok("tasks", "rm", "-f", "stands");
  await ctr.ok("containers", "rm", "stands");
});

test("a task that cannot start", async () => {
  const { image } = bench;
  await fails(["run", image, "unstartable", "no-such-program"], /executable file not found in \$PATH/);
  await fails(["run", "-d", image, "unstartable", "no-such-program"], /executable file not found in \$PATH/);
  await fails(["run", "-t", image, "no-terminal", "sh"], /not a console/);
  await fails(["run", "--user", "stranger", image, "nobody", "true"], /"stranger": no users found/);
  await fails(["run", "--runtime", "io.containerd.none.v1", image, "other", "true"], /io.containerd.none.v1/);
});

test("disk full", async () => {
  const { ctr, image, directory } = bench;
  const small = directory.join("small", "root");
  await run(["mkdir", "-p", small]);
  assert.is((await run(["mount", "-t", "tmpfs", "-o", "size=1500k", "tmpfs", small])).code, 0);
  const { code, stderr } = await ctr.with({ env: { CTR_ROOT: small } })("images", "pull", image);
  assert.is(code, 1);
  assert.match(stderr, /^ctr: [^\n]*(no space left on device|resource exhausted)[^\n]*\n$/, stderr);
  await run(["mount", "-o", "remount,size=64m", small]);
  assert.is((await ctr.with({ env: { CTR_ROOT: small } })("images", "pull", image)).code, 0);
});

test("not root", async () => {
  const { ctr, image, directory } = bench;
  await using other = createCtr(directory.join("unprivileged"));
  const asNobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", ctrExecutable];
  for (const words of [
    ["images", "pull", image],
    ["run", "--rm", image, "x", "true"],
  ]) {
    const { code, stderr } = await run([...asNobody, ...words], { env: { ...other.env } });
    assert.is(code, 1);
    assert.match(stderr, /^ctr: [^\n]*(permission denied|root)[^\n]*\n$/);
    assert.match(stderr, /root/);
  }
  assert.is(await ctr.ok("containers", "list", "-q"), "");
});

test.run();
