import { test } from "uvu";
import * as assert from "uvu/assert";
import { layoutArchive } from "../../support/archive.ts";
import { type Ctr, createCtr } from "../../support/ctr.ts";
import { startFront, type Trouble } from "../../support/front.ts";
import { type BuiltImage, buildImage, buildLayer } from "../../support/image.ts";
import { pushImage } from "../../support/push-image.ts";
import { startRegistry } from "../../support/registry.ts";
import { tempDir } from "../../support/temp.ts";
import { waitFor } from "../../support/wait-for.ts";

const MIB = 1024 * 1024;
/** The middle of the layer. */
const HALF = 16 * MIB;
const LINE =
  /^elapsed: \d+\.\d s {2}total: ([\d.]+ [KM]?i?B)( of [\d.]+ MiB)? {2}\([\d.]+ [KMG]?i?B\/s\) {2}(.*)$/;

/** Bytes that no compression makes fewer of. */
function largeImage(): BuiltImage {
  const content = new Uint8Array(2 * HALF);
  for (let at = 0; at < content.length; at += 65_536)
    crypto.getRandomValues(content.subarray(at, at + 65_536));
  return buildImage({ layers: [buildLayer([{ path: "large", content }], { compression: "none" })] });
}

interface Running {
  /** Of standard error so far. */
  lines(): string[];
  /** Resolves with the first line of progress. */
  readonly spoken: Promise<RegExpExecArray>;
  readonly ended: Promise<{ code: number; stdout: Uint8Array }>;
  readonly child: ReturnType<Ctr["start"]>;
}

function start(ctr: Ctr, words: string[], { withOutput = true } = {}): Running {
  const child = ctr.start(words);
  let text = "";
  const stderr = (async () => {
    for await (const chunk of child.stderr) text += Buffer.from(chunk).toString();
  })();
  const lines = () => text.split("\n").slice(0, -1);
  const stdout = withOutput ? new Response(child.stdout).bytes() : Promise.resolve(new Uint8Array());
  return {
    child,
    lines,
    spoken: waitFor(() => LINE.exec(lines()[0] ?? "") ?? undefined, { what: "a line of progress" }),
    ended: Promise.all([child.exited, stdout, stderr]).then(([code, bytes]) => ({ code, stdout: bytes })),
  };
}

test("in a log, pulls and pushes that take long say how far they are, results stay on stdout", async () => {
  using dir = tempDir();
  await using registry = await startRegistry(dir.path);
  await using ctr = createCtr(dir.path);
  const image = largeImage();
  await pushImage(image, registry, "app", "1");
  const gate = Promise.withResolvers<void>();
  const hold = ({ method, path }: { method: string; path: string }): Trouble | undefined => {
    const isLarge =
      method === "PUT" ? path.includes("/uploads/") : path.includes(image.blobs[0]!.descriptor.digest);
    return isLarge && method !== "HEAD" ? { afterBytes: HALF, waitFor: gate.promise } : undefined;
  };
  await using front = await startFront(registry.port, hold);

  const pull = start(ctr, ["images", "pull", `${front.host}/app:1`]);
  const [, , outOf, states] = await pull.spoken;
  assert.is(outOf, " of 32.0 MiB");
  assert.match(states!, /\bdownloading: 1\b/);
  gate.resolve();
  const pulled = await pull.ended;
  assert.is(pulled.code, 0);
  assert.match(Buffer.from(pulled.stdout).toString(), /^unpacking [^\n]+\ndone: [^\n]+\n$/);
  const last = LINE.exec(pull.lines().at(-1)!);
  assert.is(last?.[1], "32.0 MiB");
  assert.match(last![3]!, /^resolved: 1, done: \d+$/);
});

test("in a log, a long push says so", async () => {
  using dir = tempDir();
  await using registry = await startRegistry(dir.path);
  await using ctr = createCtr(dir.path);
  const image = largeImage();
  const ref = await pushImage(image, registry, "app", "1");
  await ctr.ok("content", "fetch", ref);
  const gate = Promise.withResolvers<void>();
  await using front = await startFront(registry.port, ({ method, headers }) =>
    method === "PUT" && Number(headers["content-length"]) > HALF
      ? { afterBytes: HALF, waitFor: gate.promise }
      : undefined,
  );
  const push = start(ctr, ["images", "push", `${front.host}/copy:1`, ref]);
  const [, , outOf, states] = await push.spoken;
  assert.is(outOf, " of 32.0 MiB");
  assert.match(states!, /\buploading: 1\b/);
  gate.resolve();
  const pushed = await push.ended;
  assert.is(pushed.code, 0);
  const rows = Buffer.from(pushed.stdout).toString().trimEnd().split("\n");
  assert.ok(
    rows.every((row) => /^(?:layer|config|manifest)-[^ ]+: done$/.test(row)),
    rows.join("\n"),
  );
});

test("in a log, imports and exports that take long say so, and an archive on stdout stays clean", async () => {
  using dir = tempDir();
  await using ctr = createCtr(dir.path);
  const archive = layoutArchive({
    image: largeImage(),
    annotations: { "io.containerd.image.name": "a/b:1" },
  });
  const bytes = Buffer.from(archive);
  const imported = start(ctr, ["images", "import", "--no-unpack", "-"]);
  imported.child.stdin.write(bytes.subarray(0, HALF));
  await imported.child.stdin.flush();
  assert.match((await imported.spoken)[3]!, /^importing: 1$/);
  imported.child.stdin.write(bytes.subarray(HALF));
  await imported.child.stdin.end();
  assert.is((await imported.ended).code, 0);

  const exported = start(ctr, ["images", "export", "-", "a/b:1"], { withOutput: false });
  const reader = exported.child.stdout.getReader();
  const startedAt = performance.now();
  let sizeBytes = 0;
  const isSpoken = async () => {
    // A consumer that takes 4 MiB in a second.
    const isDue = sizeBytes < (performance.now() - startedAt) * 4096;
    if (isDue) sizeBytes += (await reader.read()).value?.length ?? 0;
    return exported.lines().length > 0;
  };
  await waitFor(isSpoken, { what: "a line of progress" });
  assert.match((await exported.spoken)[3]!, /^exporting: 1$/);
  for (let part = await reader.read(); !part.done; part = await reader.read()) sizeBytes += part.value.length;
  assert.is((await exported.ended).code, 0);
  assert.is(sizeBytes % 512, 0);
  const quiet = await ctr("images", "export", "--quiet", dir.join("out.tar"), "a/b:1");
  assert.is(quiet.stderr, "");
});

test.run();
