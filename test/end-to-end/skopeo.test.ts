import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { busyboxImage } from "../support/busybox-image.ts";
import { createCtr } from "../support/ctr.ts";
import { buildIndex } from "../support/image.ts";
import { pushImage } from "../support/push-image.ts";
import { startRegistry } from "../support/registry.ts";
import { run } from "../support/run-program.ts";
import { tempDir } from "../support/temp.ts";
import { openWorkbench } from "../support/workbench.ts";

const isMissing = !Bun.which("skopeo");
const withSkopeo = isMissing ? test.skip : test;
if (isMissing) console.log("no round trip with skopeo: not installed");

const amd = busyboxImage({ platform: { os: "linux", architecture: "amd64" } });
const arm = busyboxImage({ platform: { os: "linux", architecture: "arm64" }, format: "docker" });

async function skopeo(env: Record<string, string>, ...words: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(["skopeo", ...words], { env });
  if (code !== 0) throw new Error(`skopeo ${words.join(" ")}: exit ${code}\n${stdout}${stderr}`);
  return stdout;
}

withSkopeo("skopeo reads what we pushed, and we what it copies, on the same digests", async () => {
  const index = buildIndex([amd, arm]);
  await using bench = await openWorkbench({ image: index, isPulled: false });
  const { ctr, registry, image, directory } = bench;
  await ctr.ok("content", "fetch", "--all-platforms", image);
  await ctr.ok("images", "push", `${registry.host}/ours:1`, image);
  const plain = ["--src-tls-verify=false", "--dest-tls-verify=false"];
  const copy = ["copy", "--all", "--preserve-digests", ...plain];
  await skopeo(
    { ...ctr.env },
    ...copy,
    `docker://${registry.host}/ours:1`,
    `docker://${registry.host}/copied:1`,
  );
  await skopeo(
    { ...ctr.env },
    ...copy,
    `docker://${registry.host}/ours:1`,
    `dir:${join(directory.path, "dir")}`,
  );
  await ctr.ok("images", "pull", `${registry.host}/copied:1`);
  const listed = await ctr.ok("images", "list", `name==${registry.host}/copied:1`);
  assert.match(listed, new RegExp(index.target.digest));
  assert.is(await ctr.ok("run", "--rm", `${registry.host}/copied:1`, "c1", "echo", "hello"), "hello\n");
});

withSkopeo("what skopeo login stores is used", async () => {
  using dir = tempDir();
  const credentials = { username: "user", password: "hunter22" };
  await using registry = await startRegistry(dir.path, { credentials });
  await using ctr = createCtr(dir.path);
  const ref = await pushImage(amd, registry, "private/app", "1");
  const authfile = join(dir.path, "auth.json");
  const login = ["login", "--authfile", authfile, "--tls-verify=false", "-u", "user", "-p", "hunter22"];
  assert.is((await ctr("images", "pull", ref)).code, 1);
  await skopeo({ ...ctr.env }, ...login, `${registry.host}/private`);
  const withFile = ctr.with({ env: { REGISTRY_AUTH_FILE: authfile } });
  const { code, stderr } = await withFile("content", "fetch", ref);
  assert.is(code, 0, stderr);
  const pushed = await withFile("images", "push", `${registry.host}/private/copy:1`, ref);
  assert.is(pushed.code, 0, pushed.stderr);
  const elsewhere = await withFile("images", "push", `${registry.host}/other/copy:1`, ref);
  assert.is(elsewhere.code, 1, "credentials are for private/ alone");
  assert.match(elsewhere.stderr, /push access denied/);
});

test.run();
