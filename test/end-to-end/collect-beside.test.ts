import { readdirSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { busyboxLayer } from "../support/busybox-image.ts";
import { buildImage, buildLayer } from "../support/image.ts";
import { pushImage } from "../support/push-image.ts";
import type { RunResult } from "../support/run-program.ts";
import { openWorkbench, type Workbench } from "../support/workbench.ts";

/** `SOAK_SECONDS=200 scripts/test collect-beside` keeps at it for longer, and with more at once. */
const SOAK_SECONDS = Number(process.env.SOAK_SECONDS ?? 0);
const WORK_MS = SOAK_SECONDS > 0 ? SOAK_SECONDS * 1000 : 12_000;
const WORKERS = SOAK_SECONDS > 0 ? 10 : 5;

let bench: Workbench;
let images: string[];
const test = suite("collections beside work");
test.before(async () => {
  bench = await openWorkbench({ isPulled: false });
  // They share the large layer, so that one worker's removal meets another's pull.
  const base = busyboxLayer();
  images = await Promise.all(
    Array.from({ length: WORKERS }, (_, at) => {
      const own = buildLayer([{ path: `own-${at}`, content: Buffer.alloc(200_000, `${at}`) }]);
      const image = buildImage({ layers: [base, own], config: { Cmd: ["sh"], Env: ["PATH=/bin"] } });
      return pushImage(image, bench.registry, `worker-${at}`);
    }),
  );
});
test.after(async () => {
  await bench[Symbol.asyncDispose]();
});

/** Pulls, runs, and removes its image again and again; each command must succeed. */
async function work(at: number, until: number): Promise<number> {
  const { ctr } = bench;
  const image = images[at]!;
  let rounds = 0;
  while (performance.now() < until) {
    await ctr.ok("images", "pull", image);
    const seen = await ctr.ok("run", "--rm", image, `worker-${at}`, "sh", "-c", `wc -c </own-${at}`);
    assert.is(seen.trim(), "200000");
    await ctr.ok("containers", "create", image, `box-${at}`, "true");
    await ctr.ok("images", "delete", image);
    await ctr.ok("tasks", "start", "-d", `box-${at}`);
    await ctr.ok("tasks", "delete", "--force", `box-${at}`);
    await ctr.ok("containers", "delete", `box-${at}`);
    rounds++;
  }
  return rounds;
}

/** Pulls what others work with, and is killed on the way. */
async function pullAndDie(until: number): Promise<void> {
  for (let round = 0; performance.now() < until; round++) {
    const pulling = bench.ctr.start(["images", "pull", images[round % WORKERS]!]);
    await Promise.race([pulling.exited, Bun.sleep(20 + ((round * 37) % 200))]);
    pulling.kill("SIGKILL");
    await pulling.exited;
  }
}

async function collect(until: number): Promise<number> {
  let collections = 0;
  for (; performance.now() < until; collections++) await bench.ctr.ok("system", "prune", "-o", "json");
  return collections;
}

test("nothing that is referred to disappears while pulls, runs and removals are in progress", async () => {
  const { ctr } = bench;
  const until = performance.now() + WORK_MS;
  const collecting = collect(until);
  const dying = pullAndDie(until);
  const checks: RunResult[] = [];
  const checking = (async () => {
    while (performance.now() < until) checks.push(await ctr("system", "check", "-o", "json"));
  })();
  const rounds = await Promise.all(images.map((_, at) => work(at, until)));
  assert.ok((await collecting) > 3);
  await Promise.all([checking, dying]);
  assert.ok(Math.min(...rounds) > 1, `rounds: ${rounds}`);
  const lost = checks.flatMap(({ stdout }) =>
    JSON.parse(stdout).problems.filter(({ kind }: { kind: string }) => /content|snapshots|images/.test(kind)),
  );
  assert.equal(lost, []);

  for (const image of (await ctr.ok("images", "list", "-q")).split("\n").filter(Boolean)) {
    await ctr.ok("images", "delete", image);
  }
  await ctr.ok("system", "prune");
  const { code, stdout } = await ctr("system", "check", "--verify");
  assert.is(code, 0, stdout);
  for (const directory of ["content/blobs/sha256", "content/ingest", "snapshots/overlayfs"]) {
    assert.equal(readdirSync(join(ctr.root, directory)), [], directory);
  }
});

test.run();
