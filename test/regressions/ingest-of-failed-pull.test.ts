import { test } from "uvu";
import * as assert from "uvu/assert";
import { createCtr } from "../support/ctr.ts";
import { startHostileRegistry } from "../support/hostile-registry.ts";
import { buildImage, buildLayer } from "../support/image.ts";
import { placeOf, servedImage } from "../support/served-image.ts";
import { tempDir } from "../support/temp.ts";

// A pull that failed for good while other layers were on their way left what had come of these.

test("what has come of other layers goes with the pull that failed for one of them", async () => {
  using directory = tempDir();
  await using ctr = createCtr(directory.path);
  const damaged = buildLayer([{ path: "damaged", content: "soon" }]);
  const slow = buildLayer([{ path: "slow", content: crypto.getRandomValues(new Uint8Array(50_000)) }]);
  const image = buildImage({ layers: [damaged, slow] });
  await using registry = await startHostileRegistry({
    ...servedImage(image),
    [placeOf(damaged)]: { body: Buffer.alloc(damaged.descriptor.size) },
    [placeOf(slow)]: {
      headers: { "content-length": `${slow.descriptor.size}` },
      body: (slow.data as Uint8Array).subarray(0, 20_000),
      end: "silence",
    },
  });
  const { code, stderr } = await ctr("images", "pull", "--plain-http", `${registry.host}/app:1`);
  assert.is(code, 1);
  assert.match(stderr, /the registry's bytes for/);
  assert.match(await ctr.ok("content", "active"), /^REF[^\n]*\n$/);
  assert.is(await ctr.ok("content", "list", "-q"), "");
  assert.is(await ctr.ok("leases", "list", "-q"), "");
});

test.run();
