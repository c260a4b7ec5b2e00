import { test } from "uvu";
import * as assert from "uvu/assert";
import { openResolver } from "../../src/remotes/index.ts";
import { createCtr } from "../support/ctr.ts";
import { type Front, type FrontRequest, startFront, type Trouble } from "../support/front.ts";
import { buildImage, buildLayer, digestOf } from "../support/image.ts";
import { pushImage } from "../support/push-image.ts";
import { type Registry, startRegistry } from "../support/registry.ts";
import { tempDir } from "../support/temp.ts";
import { waitFor } from "../support/wait-for.ts";

const MIB = 1024 * 1024;
const SIZE = 40 * MIB;
const bytes = new Uint8Array(SIZE);
for (let at = 0; at < SIZE; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536));
const digest = digestOf(bytes);

/** Pushes the blob through the front, and compares what the registry has then. */
async function push(registry: Registry, front: Front): Promise<void> {
  const pusher = openResolver({ pace: { firstDelayMs: 1 } }).pusher(`${front.host}/app:1`);
  const reader = {
    size: SIZE,
    read: async (at: number, length: number) => bytes.subarray(at, at + length),
    async *stream(at = 0) {
      for (let from = at; from < SIZE; from += MIB) yield bytes.subarray(from, from + MIB);
    },
    async [Symbol.asyncDispose]() {},
  };
  const descriptor = { mediaType: "application/vnd.oci.image.layer.v1.tar", digest, size: SIZE };
  assert.is(await pusher.push(descriptor, { reader: async () => reader }), "pushed");
  const stored = await (await registry.fetch(`/v2/app/blobs/${digest}`)).bytes();
  assert.is(Buffer.compare(stored, bytes), 0);
}

/** `METHOD range` of the requests that were to bring bytes. */
const shown = (front: Front): string[] =>
  front.seen
    .filter(({ headers }) => Number(headers["content-length"]) > 0)
    .map(({ method, headers }) => `${method} ${headers["content-range"] ?? "all"}`);

const mib = (count: number): number => count * MIB;
const chunk = (first: number, end: number): string => `PATCH ${mib(first)}-${mib(end) - 1}`;
/** Of half the blob, then of an eighth. */
const TOO_LARGE = ["PUT all", chunk(0, 20)];

test("an upload that breaks in its middle, twice, ends with the whole blob in the registry", async () => {
  using dir = tempDir();
  await using registry = await startRegistry(dir.path);
  const troubles: Trouble[] = [{ breakAfterBytes: 20 * MIB }, { breakAfterBytes: 5 * MIB }];
  await using front = await startFront(registry.port, ({ method }) =>
    method === "PUT" ? troubles.shift() : undefined,
  );
  await push(registry, front);
  assert.equal(
    front.seen.filter(({ method }) => method === "PUT").map(({ bodyBytes }) => bodyBytes),
    [20 * MIB, 5 * MIB, SIZE],
  );
});

/** Before a registry that takes no more than 8 MiB at once; `trouble` is for the third chunk. */
function startSmallFront(registry: Registry, trouble: Trouble): Promise<Front> {
  let chunks = 0;
  const judge = ({ method, headers }: FrontRequest): Trouble | undefined => {
    if (Number(headers["content-length"]) > 8 * MIB) return { status: 413 };
    return method === "PATCH" && ++chunks === 3 ? trouble : undefined;
  };
  return startFront(registry.port, judge);
}

test("a chunk that does not come through is sent again, and none of those before it", async () => {
  using dir = tempDir();
  await using registry = await startRegistry(dir.path);
  await using front = await startSmallFront(registry, { status: 503 });
  await push(registry, front);
  const rest = [10, 15, 20, 25, 30, 35].map((first) => chunk(first, first + 5));
  assert.equal(shown(front), [...TOO_LARGE, chunk(0, 5), chunk(5, 10), chunk(10, 15), ...rest]);
});

test("a chunk that breaks in its middle, which this registry cannot go on from, begins the upload anew", async () => {
  using dir = tempDir();
  await using registry = await startRegistry(dir.path);
  await using front = await startSmallFront(registry, { breakAfterBytes: 2 * MIB });
  await push(registry, front);
  const all = [0, 5, 10, 15, 20, 25, 30, 35].map((first) => chunk(first, first + 5));
  assert.equal(shown(front), [...TOO_LARGE, ...all.slice(0, 3), ...all]);
});

test("a push that was killed in the middle of a layer is simply repeated", async () => {
  using dir = tempDir();
  await using registry = await startRegistry(dir.path);
  await using ctr = createCtr(dir.path);
  const layer = buildLayer([{ path: "large", content: bytes }], { compression: "none" });
  const image = buildImage({ layers: [layer] });
  const ref = await pushImage(image, registry, "app", "1");
  await ctr.ok("content", "fetch", ref);
  const { promise: held, resolve: release } = Promise.withResolvers<void>();
  await using front = await startFront(registry.port, ({ method }) =>
    method === "PUT" ? { afterBytes: 20 * MIB, waitFor: held } : undefined,
  );
  const large = () => front.seen.find(({ bodyBytes }) => bodyBytes >= 20 * MIB);
  const killed = ctr.start(["images", "push", `${front.host}/copy:1`, ref]);
  await waitFor(large, { what: "half the layer in the registry" });
  killed.kill("SIGKILL");
  await killed.exited;
  release();
  await ctr.ok("images", "push", `${registry.host}/copy:1`, ref);
  const stored = await registry.fetch(`/v2/copy/blobs/${layer.descriptor.digest}`);
  assert.is((await stored.bytes()).length, layer.descriptor.size);
});

test.run();
