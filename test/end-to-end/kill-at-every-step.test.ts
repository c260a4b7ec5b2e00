import { cpSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ctrExecutable } from "../support/ctr.ts";
import { type BuiltImage, buildImage, buildLayer } from "../support/image.ts";
import { createStepKiller, type Step, type StepKiller } from "../support/kill-at-step.ts";
import { processesNaming } from "../support/processes.ts";
import { pushImage } from "../support/push-image.ts";
import { waitFor } from "../support/wait-for.ts";
import { openWorkbench, type Workbench } from "../support/workbench.ts";

/** Small, so that all steps can be taken one by one; `kept` and `doomed` share their first layer. */
const layers = ["one", "two", "three"].map((name) =>
  buildLayer([
    { path: `${name}/`, type: "directory", mode: 0o755 },
    { path: `${name}/file`, content: Buffer.from(name) },
  ]),
);
const config = { Cmd: ["/one/file"] };
const kept: BuiltImage = buildImage({ layers: [layers[0]!, layers[1]!], config });
const doomed: BuiltImage = buildImage({ layers: [layers[0]!, layers[2]!], config });

/** Rows of these stand for what must not be lost. */
const PRECIOUS = /^(content|snapshots\/.*|images|containers|database)$/;
/** What the same command may answer after it was killed: it had done its work already. */
const DONE_ALREADY = /already exists|not found|does not exist/;
/** One that is killed too late has ended well. */
const KILLED = 137;

let bench: Workbench;
let killer: StepKiller;
let other: string;
const test = suite("killed at every step");
test.before(async () => {
  bench = await openWorkbench({ image: kept });
  killer = createStepKiller(bench.directory.path);
  other = await pushImage(doomed, bench.registry, "doomed");
});
test.after(async () => {
  await bench[Symbol.asyncDispose]();
});

interface Operation {
  /** Brings about what the command then works on. */
  before?: () => Promise<unknown>;
  command: () => string[];
  /** Takes only each second step, of an operation that is slow. */
  isSlow?: boolean;
}

function survives(name: string, { before, command, isSlow = false }: Operation): void {
  test(`${name}: nothing that is referred to is lost, and repair mends the rest`, async () => {
    const { ctr, directory } = bench;
    const fresh = directory.join(name.replaceAll(" ", "-"));
    await before?.();
    await allEnded();
    cpSync(ctr.root, fresh, { recursive: true, preserveTimestamps: true });
    const words = [ctrExecutable, ...command()];
    const all = await killer.steps(words, ctr.env);
    const steps = all.filter((_, index) => !isSlow || index % 2 === 0);
    let kills = 0;
    for (const step of steps) {
      await restore(fresh);
      const { code } = await killer.killAt(step, words, ctr.env);
      if (code === KILLED) kills++;
      await assertMended(step);
      await assertSucceeds(command(), step);
    }
    assert.ok(kills >= steps.length * 0.8, `${kills} kills in ${steps.length} steps`);
    await restore(fresh);
    rmSync(fresh, { recursive: true });
  });
}

/**
 * What collects by itself, and what a killed command had started. SQLite would remove the log of the database that was
 * put in place of theirs.
 */
async function allEnded(): Promise<void> {
  await waitFor(() => processesNaming(bench.ctr.root).length === 0, {
    what: "the end of what goes on by itself",
  });
}

async function restore(from: string): Promise<void> {
  const { root, state } = bench.ctr;
  await allEnded();
  for (const directory of [root, state]) rmSync(directory, { recursive: true, force: true });
  cpSync(from, root, { recursive: true, preserveTimestamps: true });
}

async function assertMended({ call, count }: Step): Promise<void> {
  const { code, stdout, stderr } = await bench.ctr("system", "check", "--verify", "--repair", "-o", "json");
  const at = `killed at ${call} ${count}:\n${stdout}${stderr}`;
  assert.is(code, 0, at);
  const { problems }: { problems: { kind: string }[] } = JSON.parse(stdout);
  assert.equal(
    problems.filter(({ kind }) => PRECIOUS.test(kind)),
    [],
    at,
  );
  const complete = await bench.ctr.ok("images", "check", "-q");
  assert.ok(complete.split("\n").includes(bench.image), at);
}

async function assertSucceeds(words: string[], { call, count }: Step): Promise<void> {
  const { code, stderr } = await bench.ctr(...words);
  assert.ok(code === 0 || DONE_ALREADY.test(stderr), `again after ${call} ${count}: ${stderr}`);
}

const top = async (): Promise<string> => {
  const rows: { key: string; parent: string }[] = JSON.parse(
    await bench.ctr.ok("snapshots", "list", "-o", "json"),
  );
  return rows.find(({ key, parent }) => key.startsWith("sha256:") && parent !== "")!.key;
};
let parent = "";

survives("prepare", {
  before: async () => (parent = await top()),
  command: () => ["snapshots", "prepare", "active", parent],
});
survives("commit", {
  before: () => bench.ctr.ok("snapshots", "prepare", "active", parent),
  command: () => ["snapshots", "commit", "mine", "active"],
});
survives("remove", {
  before: () => bench.ctr.ok("snapshots", "prepare", "loser", parent),
  command: () => ["snapshots", "remove", "loser"],
});
survives("create a container", { command: () => ["containers", "create", bench.image, "box"] });
survives("delete a container", {
  before: () => bench.ctr.ok("containers", "create", bench.image, "box"),
  command: () => ["containers", "delete", "box"],
});
survives("pull and unpack", { command: () => ["images", "pull", other], isSlow: true });
survives("unpack", {
  before: async () => {
    await bench.ctr.ok("images", "delete", "--sync", other);
    await bench.ctr.ok("content", "fetch", other);
  },
  command: () => ["snapshots", "unpack", doomed.target.digest],
  isSlow: true,
});
survives("delete an image", {
  before: () => bench.ctr.ok("images", "pull", other),
  command: () => ["images", "delete", "--sync", other],
});
survives("collect", {
  before: async () => {
    await bench.ctr.ok("snapshots", "view", "unused", parent);
    for (const litter of ["snapshots/overlayfs/777/fs", "content/blobs/sha256"]) {
      mkdirSync(join(bench.ctr.root, litter), { recursive: true });
    }
    writeFileSync(join(bench.ctr.root, `content/blobs/sha256/${"cd".repeat(32)}`), "litter");
  },
  command: () => ["system", "prune"],
});

test("all of it removed, the disk is as it was", async () => {
  const { ctr } = bench;
  const names = (await ctr.ok("images", "list", "-q")).split("\n").filter(Boolean);
  await ctr.ok("containers", "delete", "box");
  await ctr.ok("snapshots", "remove", "active", "loser");
  await ctr.ok("images", "delete", "--sync", ...names);
  await ctr.ok("system", "prune");
  assert.is(await ctr.ok("system", "prune"), "nothing to remove\n");
  for (const directory of ["content/blobs/sha256", "content/ingest", "snapshots/overlayfs", "locks"]) {
    assert.equal(readdirSync(join(ctr.root, directory)), [], directory);
  }
});

test.run();
