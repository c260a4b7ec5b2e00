import { test } from "uvu";
import * as assert from "uvu/assert";
import { busyboxImage } from "../support/busybox-image.ts";
import { buildImage, buildIndex, buildLayer } from "../support/image.ts";
import { pushImage } from "../support/push-image.ts";
import { openWorkbench } from "../support/workbench.ts";

test("images prune --all spares what containers were made from, and says what it deleted", async () => {
  await using bench = await openWorkbench();
  const { ctr, image } = bench;
  await ctr.ok("images", "tag", image, "unused:1", "unused:2");
  await ctr.ok("containers", "create", image, "user");
  const without = await ctr("images", "prune");
  assert.equal([without.code, without.stdout], [0, ""]);
  assert.match(without.stderr, /--all is needed/);
  assert.is(await ctr.ok("images", "prune", "--all", "--sync"), "unused:1\nunused:2\n");
  assert.is(await ctr.ok("images", "ls", "-q"), `${image}\n`);
  await ctr.ok("containers", "rm", "user");
  assert.is(await ctr.ok("images", "prune", "--all", "--sync"), `${image}\n`);
  assert.is(await ctr.ok("content", "ls", "-q"), "");
  assert.not.match(await ctr.ok("snapshots", "ls"), /sha256:/);
});

test("content prune references drops layers, and images still run", async () => {
  await using bench = await openWorkbench();
  const { ctr, image } = bench;
  const blobs = await ctr.ok("content", "ls", "-q");
  const dry = await ctr("content", "prune", "references", "--dry");
  assert.equal([dry.code, dry.stdout], [0, ""]);
  assert.match(dry.stderr, /would remove label containerd\.io\/gc\.ref\.content\.l\.0 of sha256:/);
  assert.is(await ctr.ok("content", "ls", "-q"), blobs);
  assert.is(await ctr.ok("content", "prune", "references"), "");
  assert.is((await ctr.ok("content", "ls", "-q")).split("\n").length, blobs.split("\n").length - 1);
  assert.is(await ctr.ok("run", "--rm", image, "c1", "echo", "runs"), "runs\n");
  await ctr.ok("images", "pull", image);
  assert.is(await ctr.ok("content", "ls", "-q"), blobs);
});

test("images usage counts the layers that are unpacked, from the top down", async () => {
  const layers = [buildLayer([{ path: "a", content: "x".repeat(5000) }]), buildLayer([{ path: "b" }])];
  await using bench = await openWorkbench({ image: buildImage({ layers }) });
  const { ctr, image } = bench;
  const usage = JSON.parse(await ctr.ok("images", "usage", "-o", "json", image));
  assert.equal(
    usage.map(({ inodes }: { inodes: number }) => inodes),
    [2, 2],
  );
  assert.ok(usage[1].sizeBytes > usage[0].sizeBytes, "the base is the last");
  assert.match(await ctr.ok("images", "usage", image), /^KEY +SIZE +INODES \nsha256:.* KiB +2 +\n/);
  for (const key of usage.map(({ key }: { key: string }) => key)) await ctr.ok("snapshots", "rm", key);
  const { code, stderr } = await ctr("images", "usage", image);
  assert.is(code, 1);
  assert.match(stderr, /^ctr: image .* isn't unpacked in snapshotter overlayfs/);
});

test("images inspect draws the whole tree, and says what is not here", async () => {
  const arm = buildImage({
    layers: [buildLayer([{ path: "arm" }])],
    platform: { os: "linux", architecture: "arm64" },
  });
  const host = busyboxImage();
  await using bench = await openWorkbench({ image: buildIndex([host, arm]) });
  const { ctr, image } = bench;
  const [layer, config] = host.blobs.map(({ descriptor }) => descriptor);
  await ctr.ok("images", "label", image, "team=ci");
  const lines = (await ctr.ok("images", "inspect", image)).split("\n");
  assert.is(lines[0], image);
  assert.match(lines[1]!, /^│ {4}Created: \d{4}-/);
  assert.is(lines[3], '│    Label "team": "ci"');
  assert.match(lines[4]!, /^└── application\/vnd\.oci\.image\.index\.v1\+json @sha256:/);
  assert.match(lines[5]!, /^ {4}├── application\/vnd\.oci\.image\.manifest\.v1\+json @/);
  assert.is(lines[7], `    │   ├── ${config!.mediaType} @${config!.digest} (${config!.size} bytes)`);
  assert.is(lines[8], `    │   └── ${layer!.mediaType} @${layer!.digest} (${layer!.size} bytes)`);
  const { mediaType, digest, size } = arm.target;
  assert.is(lines[9], `    └── ${mediaType} @${digest} (${size} bytes)`);
  assert.is(lines[11], "        └──  Content does not exist locally, skipping");
  assert.match(
    await ctr.ok("images", "inspect", "--content", image),
    /│"containerd\.io\/gc\.ref\.content\.config": "sha256:/,
  );
  assert.match(await ctr.ok("images", "i", "--content", image), /│ {3}"architecture": "amd64",/);
  assert.is((await ctr("images", "inspect", "nosuch")).code, 1);
});

test("content edit stores what the editor left, however it wrote it, and nothing when it failed", async () => {
  await using bench = await openWorkbench();
  const { ctr } = bench;
  const { stdout } = await ctr.with({ stdin: "one\n" })("content", "ingest", "text");
  assert.is(stdout, "");
  const digest = `sha256:${new Bun.CryptoHasher("sha256").update("one\n").digest("hex")}`;
  const two = `sha256:${new Bun.CryptoHasher("sha256").update("two\n").digest("hex")}`;
  assert.is(await ctr.ok("content", "edit", "--editor", "sed -i s/one/two/", digest), `${two}\n`);
  assert.is(await ctr.ok("content", "get", two), "two\n");
  assert.is(await ctr.ok("content", "get", digest), "one\n");
  const appended = await ctr.with({ env: { EDITOR: "echo three >>" } })("content", "edit", digest);
  assert.is(await ctr.ok("content", "get", appended.stdout.trim()), "one\nthree\n");
  const before = await ctr.ok("content", "ls", "-q");
  const failed = await ctr("content", "edit", "--editor", "sh -c 'echo x >$0; exit 9'", digest);
  assert.equal([failed.code, failed.stdout, failed.stderr], [9, "", "exit status 9\n"]);
  assert.is(await ctr.ok("content", "ls", "-q"), before);
});

test("a namespace's images are pruned in it alone", async () => {
  await using bench = await openWorkbench();
  const { ctr, registry } = bench;
  const other = `${ctr.namespace}-2`;
  const second = await pushImage(busyboxImage(), registry, "second");
  await ctr.ok("-n", other, "images", "pull", second);
  await ctr.ok("images", "prune", "--all", "--sync");
  assert.is(await ctr.ok("-n", other, "images", "ls", "-q"), `${second}\n`);
  assert.is(await ctr.ok("-n", other, "run", "--rm", second, "c1", "echo", "runs"), "runs\n");
  assert.is(await ctr.ok("images", "ls", "-q"), "");
});

test.run();
