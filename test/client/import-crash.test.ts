import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { fullName, layoutArchive } from "../support/archive.ts";
import { type Ctr, createCtr } from "../support/ctr.ts";
import { buildImage, buildLayer } from "../support/image.ts";
import { tempDir } from "../support/temp.ts";
import { waitFor } from "../support/wait-for.ts";

// An import that is killed leaves nothing that the next one, or the collector, does not make good.

const NAME = "example.org/app:1";
const layers = [1, 2, 3].map((at) => buildLayer([{ path: `${at}`, content: randomBytes(2 << 20) }]));
const archive = layoutArchive({ image: buildImage({ layers }), annotations: fullName(NAME) });

async function forgetAll(ctr: Ctr): Promise<void> {
  const ids = (await ctr.ok("leases", "list", "-q")).split("\n").filter(Boolean);
  await ctr.ok("leases", "delete", ...ids);
  await ctr.ok("images", "delete", "--sync", NAME);
}

for (const share of [0.02, 0.3, 0.6, 0.95]) {
  test(`killed after ${share * 100} % of the archive`, async () => {
    using directory = tempDir();
    await using ctr = createCtr(directory.path);
    const child = ctr.start(["images", "import", "-"]);
    child.stdin.write(archive.subarray(0, share * archive.length));
    await child.stdin.flush();
    await waitFor(async () => (await ctr.ok("content", "active")).split("\n").length > 2, {
      what: "an ingest",
    });
    child.kill("SIGKILL");
    await child.exited;
    assert.is(await ctr.ok("images", "list", "-q"), "");
    const path = directory.join("archive.tar");
    writeFileSync(path, archive);
    assert.match(await ctr.ok("images", "import", path), /^unpacking .*done\n$/);
    await ctr.ok("images", "check", "--verify");
    await forgetAll(ctr);
    assert.is(await ctr.ok("content", "list", "-q"), "");
  });
}

test.run();
