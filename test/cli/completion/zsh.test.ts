import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ctrExecutable } from "../../support/ctr.ts";
import { startPty } from "../../support/pty.ts";
import { openWorkbench, type Workbench } from "../../support/workbench.ts";

const test = suite("completion in zsh");
const COMPLETIONS = join(import.meta.dirname, "../../../completions");
let bench: Workbench;
let home: string;

test.before(async () => {
  bench = await openWorkbench();
  await bench.ctr.ok("containers", "create", bench.image, "made-1", "true");
  await bench.ctr.ok("containers", "create", bench.image, "made-2", "true");
  home = bench.directory.join("zsh");
  mkdirSync(home);
  await Bun.write(
    join(home, ".zshrc"),
    `PS1='ready> '\nfpath=('${COMPLETIONS}' $fpath)\nautoload -Uz compinit\ncompinit -u -D\n`,
  );
});
test.after(async () => {
  await bench[Symbol.asyncDispose]();
});

/** Types a line and the tabulator key, and waits until the screen matches. */
async function complete(line: string, wanted: RegExp): Promise<string> {
  const path = `${join(ctrExecutable, "..")}:${bench.ctr.env.PATH}`;
  const env = { ...bench.ctr.env, PATH: path, ZDOTDIR: home, TERM: "dumb" };
  await using zsh = startPty(["zsh", "-i"], { env, columns: 160 });
  await zsh.waitForOutput("ready> ");
  zsh.write(`${line}\t`);
  return await zsh.waitForOutput(wanted);
}

test("commands come with what they do", async () => {
  await complete("ctr i", /images +-- manage images[\s\S]*info +-- describe/);
});

test("an image's name is completed with its colons", async () => {
  const { image } = bench;
  await complete("ctr images rm local", new RegExp(`ctr images rm .*${image.slice("localhost".length)}`));
});

test("names without a description stand alone", async () => {
  const screen = await complete("ctr containers info made-", /made-1 +made-2/);
  assert.not.match(screen, "-- made");
});

test("flags and their values", async () => {
  await complete("ctr run --snapshotter=n", /--snapshotter=native/);
  await complete("ctr run --snapshotter-l", /--snapshotter-label/);
});

test.run();
