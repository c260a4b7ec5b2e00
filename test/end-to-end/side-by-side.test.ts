import { test } from "uvu";
import * as assert from "uvu/assert";
import { isConfig } from "../../src/core/media-type.ts";
import { createCtr } from "../support/ctr.ts";
import { type Front, type FrontRequest, startFront, type Trouble } from "../support/front.ts";
import { buildImage, buildLayer } from "../support/image.ts";
import { pushImage } from "../support/push-image.ts";
import { startRegistry } from "../support/registry.ts";
import { tempDir } from "../support/temp.ts";

const SIZE = 200_000;
const layers = Array.from({ length: 8 }, (_, at) =>
  buildLayer([{ path: `${at}`, content: new Uint8Array(SIZE).fill(at) }], { compression: "none" }),
);
const image = buildImage({ layers });

/** Holds layers in their middle until as many are on their way as may be, and counts how many are at most. */
function counting(width: number, isLayer: (request: FrontRequest) => boolean) {
  const gate = Promise.withResolvers<void>();
  let most = 0;
  let front: Front | undefined;
  const judge = (request: FrontRequest): Trouble | undefined => {
    if (!isLayer(request)) return undefined;
    const open = front!.seen.filter((seen) => isLayer(seen) && !seen.isEnded).length;
    most = Math.max(most, open);
    if (open >= width) gate.resolve();
    return { afterBytes: SIZE / 2, waitFor: gate.promise };
  };
  return {
    most: () => most,
    start: async (port: number) => (front = await startFront(port, judge)),
  };
}

const digests = new Set<string>(layers.map(({ descriptor }) => descriptor.digest));
const isDownload = ({ method, path }: FrontRequest) =>
  method === "GET" && digests.has(path.split("/").at(-1)!);
const isUpload = ({ method, headers }: FrontRequest) =>
  method === "PUT" && Number(headers["content-length"]) > SIZE;

for (const width of [1, 3]) {
  test(`${width} of the layers are fetched and sent side by side when that is asked for`, async () => {
    using dir = tempDir();
    await using registry = await startRegistry(dir.path);
    await using ctr = createCtr(dir.path);
    await pushImage(image, registry, "app", "1");
    const down = counting(width, isDownload);
    await using source = await down.start(registry.port);
    const ref = `${source.host}/app:1`;
    await ctr.ok("images", "pull", "--max-concurrent-downloads", `${width}`, ref);
    assert.is(down.most(), width);
    const up = counting(width, isUpload);
    await using target = await up.start(registry.port);
    const flag = "--max-concurrent-uploaded-layers";
    await ctr.ok("images", "push", flag, `${width}`, `${target.host}/copy:1`, ref);
    assert.is(up.most(), width);
  });
}

test("the layers do not wait for the config", async () => {
  using dir = tempDir();
  await using registry = await startRegistry(dir.path);
  await using ctr = createCtr(dir.path);
  await pushImage(image, registry, "app", "1");
  const config = image.blobs.find(({ descriptor }) => isConfig(descriptor.mediaType))!.descriptor.digest;
  const gate = Promise.withResolvers<void>();
  await using front = await startFront(registry.port, (request) => {
    if (isDownload(request)) gate.resolve();
    return request.path.endsWith(config) ? { afterBytes: 1, waitFor: gate.promise } : undefined;
  });
  await ctr.ok("images", "pull", `${front.host}/app:1`);
});

test.run();
