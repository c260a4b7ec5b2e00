import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Beside, openBeside } from "../../support/beside-oracle.ts";
import { busyboxImage } from "../../support/busybox-image.ts";
import { pushImage } from "../../support/push-image.ts";

const test = suite("install");
let beside: Beside;
test.before(async () => {
  beside = await openBeside();
  const layer = {
    entries: [
      { path: "bin/setuid", content: "#!/bin/sh\n", mode: 0o4755 },
      { path: "bin/tools-link", type: "symlink" as const, linkTarget: "/etc/passwd" },
      { path: "bin/pipe", type: "fifo" as const },
      { path: "bin/below/", type: "directory" as const },
      { path: "bin/below/deeper", content: "deeper" },
      { path: "lib/", type: "directory" as const },
      { path: "lib/libx.so", content: "x", mode: 0o644 },
    ],
  };
  const image = await pushImage(busyboxImage({ layer }), beside.bench.registry, "library/tools");
  beside.words.set("TOOLS", image);
  await beside.both("images", "pull", image);
});
test.after(async () => beside?.[Symbol.asyncDispose]());

/** Plain files and links: name, mode, content. */
const shown = (directory: string): string[] =>
  readdirSync(directory)
    .sort()
    .flatMap((name) => {
      const path = `${directory}/${name}`;
      const stat = lstatSync(path);
      if (stat.isSymbolicLink()) return `${name} -> ${readlinkSync(path)}`;
      return stat.isFile()
        ? `${name} ${(stat.mode & 0o777).toString(8)} ${Bun.hash(readFileSync(path))}`
        : [];
    });

test("puts the same files to the same places as the real one, but nothing that makes its caller root", async () => {
  const { bench, oracle } = beside;
  const [ours, theirs] = ["ours", "theirs"].map((name) => bench.directory.join(name)) as [string, string];
  for (const directory of [ours, theirs]) mkdirSync(directory);
  const image = beside.words.get("TOOLS")!;
  assert.is(await bench.ctr.ok("install", "--libs", "--path", ours, image), "");
  await oracle.ok("install", "--libs", "--path", theirs, image);
  for (const part of ["bin", "lib"]) assert.equal(shown(`${ours}/${part}`), shown(`${theirs}/${part}`));
  assert.is(lstatSync(`${ours}/bin/setuid`).mode & 0o7000, 0);
  assert.not(existsSync(`${ours}/bin/pipe`));
});

test("refuses what the real one refuses, and what is there stays as it is", async () => {
  const { directory } = beside.bench;
  const place = directory.join("taken");
  mkdirSync(`${place}/bin`, { recursive: true });
  writeFileSync(`${place}/bin/busybox`, "mine");
  const refused = await beside.bench.ctr("install", "--path", place, beside.words.get("TOOLS")!);
  assert.is(refused.code, 1);
  assert.match(refused.stderr, `ctr: cannot replace bin/busybox in ${place}: already exists (give --replace`);
  assert.equal(readdirSync(`${place}/bin`), ["busybox"]);
  assert.is(readFileSync(`${place}/bin/busybox`, "utf8"), "mine");
  await beside.bench.ctr.ok("install", "--replace", "--path", place, beside.words.get("TOOLS")!);
  assert.ok(readFileSync(`${place}/bin/busybox`).length > 100_000);
  await beside.step("install");
  await beside.step("install nosuch:1");
  await beside.step({ line: "install --path /nosuch TOOLS", classOnly: true });
});

test("a link to nothing is there, too", async () => {
  const place = beside.bench.directory.join("dangling");
  mkdirSync(`${place}/bin`, { recursive: true });
  symlinkSync("nowhere", `${place}/bin/busybox`);
  const refused = await beside.bench.ctr("install", "--path", place, beside.words.get("TOOLS")!);
  assert.match(refused.stderr, `ctr: cannot replace bin/busybox in ${place}: already exists`);
  assert.is(readlinkSync(`${place}/bin/busybox`), "nowhere");
});

test.run();
