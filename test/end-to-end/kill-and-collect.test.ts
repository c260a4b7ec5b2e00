import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { busyboxLayer } from "../support/busybox-image.ts";
import { buildImage, buildLayer } from "../support/image.ts";
import { pushImage } from "../support/push-image.ts";
import { tracesOf } from "../support/traces.ts";
import { waitFor } from "../support/wait-for.ts";
import { openWorkbench, type Workbench } from "../support/workbench.ts";

// Each command is killed at moments that chance chooses. Then the same command again, the one that undoes it, and
// system prune: nothing of all that may be left.

const KILLS = 3;
const random = (bytes: number) => crypto.getRandomValues(new Uint8Array(bytes));
const content = buildLayer([{ path: "large", content: random(1_000_000) }]);
const other = buildImage({ layers: [content, buildLayer([{ path: "small", content: "1" }])] });

/** What may be said to who asks for the same again, or for the end of what was never made. */
const DONE_ALREADY = /already exists|not found|does not exist|already finished/;

const test = suite("killed at any moment");
let bench: Workbench;
let otherName: string;
const at = (name: string) => bench.directory.join(name);
test.before(async () => {
  bench = await openWorkbench({ image: buildImage({ layers: [busyboxLayer(), content] }) });
  otherName = await pushImage(other, bench.registry, "other");
  for (const directory of ["tmp", "out", "mounted", "installed"]) mkdirSync(at(directory));
  await bench.ctr.ok("images", "pull", otherName);
  await bench.ctr.ok("images", "export", at("archive.tar"), otherName);
  await bench.ctr.ok("images", "delete", "--sync", otherName);
  writeFileSync(at("editor"), '#!/bin/sh\nsleep 0.02\necho >>"$1"\n', { mode: 0o755 });
});
test.after(async () => bench?.[Symbol.asyncDispose]());

interface Operation {
  before?: () => Promise<unknown>;
  command: () => string[];
  undo: () => Promise<unknown>;
}

const ctr = (...words: string[]) => bench.ctr.with({ env: { TMPDIR: at("tmp") } })(...words);
const deleteContainer = async () => {
  await ctr("tasks", "delete", "--force", "box");
  await ctr("containers", "delete", "box");
};

function leavesNothing(name: string, { before, command, undo }: Operation): void {
  test(name, async () => {
    const traces = () => tracesOf(bench.ctr, at("tmp"), at("out"), at("mounted"), at("installed"));
    const cleanUp = async () => {
      await undo();
      const { code, stderr } = await ctr("system", "prune");
      assert.is(code, 0, stderr);
    };
    await before?.();
    const beganAt = performance.now();
    const whole = await ctr(...command());
    const durationMs = performance.now() - beganAt;
    assert.is(whole.code, 0, whole.stderr);
    await cleanUp();
    const expected = await traces();
    for (let kill = 0; kill < KILLS; kill++) {
      await before?.();
      const killAfterMs = Math.random() * durationMs;
      const child = bench.ctr.start(command(), { env: { TMPDIR: at("tmp") } });
      await Bun.sleep(killAfterMs);
      child.kill("SIGKILL");
      await child.exited;
      const when = `killed after ${killAfterMs} of ${durationMs} ms`;
      const again = await ctr(...command());
      assert.ok(again.code === 0 || DONE_ALREADY.test(again.stderr), `${when}: ${again.stderr}`);
      await cleanUp();
      // A supervisor that nobody waits for any more may be at its last step.
      const settled = waitFor(async () => Bun.deepEquals(await traces(), expected), { timeoutMs: 5000 });
      await settled.catch(async () => assert.equal(await traces(), expected, when));
    }
  });
}

const deleteOther = () => ctr("images", "delete", "--sync", otherName);
const runBox = () => bench.ctr.ok("run", bench.image, "box", "sh", "-c", "echo changed >/file");
const startBox = async () => {
  await deleteContainer();
  await bench.ctr.ok("run", "-d", bench.image, "box", "sleep", "100");
};

leavesNothing("pull", { command: () => ["images", "pull", otherName], undo: deleteOther });
leavesNothing("import", { command: () => ["images", "import", at("archive.tar")], undo: deleteOther });
leavesNothing("export", {
  command: () => ["images", "export", join(at("out"), "archive.tar"), bench.image],
  undo: async () => rmSync(join(at("out"), "archive.tar"), { force: true }),
});
leavesNothing("convert", {
  command: () => ["images", "convert", "--zstd", bench.image, "converted:1"],
  undo: () => ctr("images", "delete", "--sync", "converted:1"),
});
leavesNothing("push", {
  command: () => ["images", "push", `${bench.registry.host}/pushed:1`, bench.image],
  undo: async () => {},
});
leavesNothing("mount", {
  command: () => ["images", "mount", "--rw", bench.image, at("mounted")],
  undo: () => ctr("images", "unmount", "--rm", at("mounted")),
});
leavesNothing("unmount", {
  before: () => bench.ctr.ok("images", "mount", bench.image, at("mounted")),
  command: () => ["images", "unmount", "--rm", at("mounted")],
  undo: () => ctr("images", "unmount", "--rm", at("mounted")),
});
leavesNothing("install", {
  command: () => ["install", "--replace", "--path", at("installed"), bench.image],
  undo: async () => rmSync(join(at("installed"), "bin"), { recursive: true, force: true }),
});
leavesNothing("edit", {
  command: () => ["content", "edit", "--editor", at("editor"), content.descriptor.digest],
  undo: async () => {},
});
leavesNothing("create", {
  command: () => ["containers", "create", bench.image, "box"],
  undo: deleteContainer,
});
leavesNothing("delete a container", {
  before: runBox,
  command: () => ["containers", "delete", "box"],
  undo: deleteContainer,
});
leavesNothing("run", { command: () => ["run", bench.image, "box", "true"], undo: deleteContainer });
leavesNothing("run and remove", {
  command: () => ["run", "--rm", bench.image, "box", "true"],
  undo: deleteContainer,
});
leavesNothing("run detached", {
  command: () => ["run", "-d", bench.image, "box", "sleep", "100"],
  undo: deleteContainer,
});
leavesNothing("exec", {
  before: startBox,
  command: () => ["tasks", "exec", "--exec-id", "one", "box", "true"],
  undo: deleteContainer,
});
leavesNothing("end a task", {
  before: startBox,
  command: () => ["tasks", "delete", "--force", "box"],
  undo: deleteContainer,
});
leavesNothing("diff", {
  before: runBox,
  command: () => ["snapshots", "diff", "box"],
  undo: deleteContainer,
});

test.run();
