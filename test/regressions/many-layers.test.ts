import { suite } from "uvu";
import * as assert from "uvu/assert";
import { busyboxLayer } from "../support/busybox-image.ts";
import { type Ctr, createCtr, ctrExecutable } from "../support/ctr.ts";
import { startHostileRegistry } from "../support/hostile-registry.ts";
import { buildImage, buildLayer } from "../support/image.ts";
import { run } from "../support/run-program.ts";
import { servedImage } from "../support/served-image.ts";
import { tempDir } from "../support/temp.ts";

// A pull held a lock, an open file, for each layer at once: one of 1100 layers failed at the usual limit of 1024.

const OPEN_FILES = 128;

const test = suite("images of many layers");

function imageOf(layerCount: number) {
  const others = Array.from({ length: layerCount - 1 }, (_, at) =>
    buildLayer([{ path: `layer-${at}`, content: `${at}` }]),
  );
  return buildImage({ layers: [busyboxLayer(), ...others] });
}

function withFewFiles(ctr: Ctr, ...words: string[]) {
  const script = `ulimit -n ${OPEN_FILES}; exec "$@"`;
  return run(["sh", "-c", script, "sh", ctrExecutable, ...words], { env: ctr.env, timeoutMs: 120_000 });
}

test("more layers than files may be open are pulled, and run as long as the kernel stacks them", async () => {
  using directory = tempDir();
  await using ctr = createCtr(directory.path);
  await using registry = await startHostileRegistry(servedImage(imageOf(500)));
  const ref = `${registry.host}/app:1`;
  const pulled = await withFewFiles(ctr, "images", "pull", "--plain-http", ref);
  assert.is(pulled.code, 0, pulled.stderr);
  const counted = await ctr.ok("run", "--rm", ref, "box", "sh", "-c", "ls / | grep -c layer-");
  assert.is(counted, "499\n");
  // One more is one too many, whoever asks for it.
  await ctr.ok("run", ref, "box", "true");
  await ctr.ok("snapshots", "commit", "deepest", "box");
  const deeper = await ctr("snapshots", "prepare", "deeper", "deepest");
  assert.is(deeper.code, 1);
  assert.not.match(await ctr.ok("snapshots", "list"), /deeper/);
  assert.match(
    deeper.stderr,
    /^ctr: overlay of 501 layers \(at most 500\): failed precondition \([^\n]+\)\n$/,
  );
});

test("more than a snapshotter takes are refused before the first is unpacked, and left to another", async () => {
  using directory = tempDir();
  await using ctr = createCtr(directory.path);
  await using registry = await startHostileRegistry(servedImage(imageOf(501)));
  const ref = `${registry.host}/app:1`;
  const refused = await ctr("images", "pull", "--plain-http", ref);
  assert.is(refused.code, 1);
  assert.match(
    refused.stderr,
    /image has 501 layers \(snapshotter overlayfs takes at most 500\): failed precondition \(use another snapshotter: --snapshotter native\)\n$/,
  );
  assert.equal(JSON.parse(await ctr.ok("snapshots", "list", "-o", "json")), []);
});

test("more than any image has are refused by name", async () => {
  using directory = tempDir();
  await using ctr = createCtr(directory.path);
  await using registry = await startHostileRegistry(servedImage(imageOf(1100)));
  const { code, stderr } = await withFewFiles(
    ctr,
    "images",
    "pull",
    "--plain-http",
    `${registry.host}/app:1`,
  );
  assert.is(code, 1);
  assert.match(
    stderr,
    /rootfs\.diff_ids is not a list of at most 1000 entries \(1100\): invalid argument\n$/,
  );
  assert.is(await ctr.ok("content", "list", "-q"), "");
});

test.run();
