import { randomBytes } from "node:crypto";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { fullName, layoutArchive } from "../support/archive.ts";
import { type Ctr, createCtr } from "../support/ctr.ts";
import { buildImage, buildLayer } from "../support/image.ts";
import { tempDir } from "../support/temp.ts";
import { waitFor } from "../support/wait-for.ts";

// An import that is killed leaves nothing that the next one does not make good, and the next collection removes all.

const NAME = "example.org/app:1";
const layers = [1, 2, 3].map((at) => buildLayer([{ path: `${at}`, content: randomBytes(2 << 20) }]));
const archive = layoutArchive({ image: buildImage({ layers }), annotations: fullName(NAME) });

/** Whatever it is that is deleted, a collection follows. */
async function collect(ctr: Ctr): Promise<void> {
  await ctr.ok("leases", "create", "--id", "passing");
  await ctr.ok("leases", "delete", "--sync", "passing");
}

async function assertEmpty(ctr: Ctr): Promise<void> {
  for (const words of [
    ["content", "list", "-q"],
    ["leases", "list", "-q"],
    ["images", "list", "-q"],
  ]) {
    assert.is(await ctr.ok(...words), "", words.join(" "));
  }
  for (const words of [
    ["content", "active"],
    ["snapshots", "list"],
  ]) {
    assert.equal(JSON.parse(await ctr.ok(...words, "-o", "json")), [], words.join(" "));
  }
  for (const directory of ["blobs/sha256", "ingest"]) {
    const path = join(ctr.root, "content", directory);
    assert.equal(existsSync(path) ? readdirSync(path) : [], [], directory);
  }
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
    await collect(ctr);
    await assertEmpty(ctr);
    const path = directory.join("archive.tar");
    writeFileSync(path, archive);
    assert.match(await ctr.ok("images", "import", path), /^unpacking .*done\n$/);
    await ctr.ok("images", "check", "--verify");
    await ctr.ok("images", "delete", "--sync", NAME);
    await assertEmpty(ctr);
  });
}

test.run();
