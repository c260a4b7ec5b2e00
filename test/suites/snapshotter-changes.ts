import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import type { Test } from "uvu";
import * as assert from "uvu/assert";
import type { SnapshotInfo } from "../../src/core/snapshotter.ts";
import { layer, type SnapshotBench, viewed, within } from "../support/snapshot-layers.ts";
import { listTree } from "../support/tree.ts";

type InState = (use: (bench: SnapshotBench) => Promise<void>) => () => Promise<void>;

/** What each layer changes, as a shell would: the cases by which containerd tests its snapshotters. */
const CHANGES: Readonly<Record<string, readonly string[]>> = {
  "a file is written anew, another only gets another mode": [
    "mkdir -m 700 etc; echo 10.0.0.1 >etc/hosts; echo PATH >etc/profile",
    "echo 10.0.0.2 >etc/hosts; chmod 666 etc/profile; mkdir -m 700 root; echo PATH >root/rc",
  ],
  "a directory is removed and made again, and is added to later": [
    "mkdir -m 700 lib; echo >lib/hidden",
    "rm -r lib; mkdir -m 700 lib; echo >lib/shown",
    "echo >lib/newer",
  ],
  "every level of a tree changes hands": [
    "mkdir -p opt/a/b; chmod -R 700 opt; echo hello >opt/a/b/file",
    "chown 1:1 opt opt/a opt/a/b opt/a/b/file",
  ],
  "files and directories are renamed, also over others": [
    "mkdir one files; echo first >files/f1; echo second >files/f2; echo in >one/in",
    "mv one two; echo new >files/over; mv files/over files/f1; mv files/f2 files/f3",
  ],
  "owners of directories survive commits, removal and making again": [
    "mkdir -m 700 1 2 3 4 5; echo . >4/f; echo . >5/f; chown -R 1:1 1 2 3 5",
    "chown 0:0 2; rm -r 3; chown -R 1:1 4",
    "mkdir -m 700 3; chown 1:1 3; rm -r 5; mkdir -m 700 5; chown 1:1 5",
  ],
  "what one layer removed stays away below an empty one": ["echo >foo; echo >bar", "rm bar", ":"],
  "files move out of directories that go, by new names": [
    "mkdir -m 700 1 2; echo hello >1/f; echo . >2/f",
    "mkdir -m 700 3; cp 1/f 3/f1; rm -r 1; ln 2/f 3/f2; rm 2/f",
  ],
  "a file becomes a directory, a link and a file again": [
    "echo >x; mkdir y; echo >y/below",
    "rm x; mkdir x; echo >x/below; rm -r y; ln -s x y",
    "rm -r x; echo again >x; rm y; mkdir y",
  ],
};

const MANY_LAYERS = 128;

export function addChangeCases(test: Test, inState: InState): void {
  for (const [name, scripts] of Object.entries(CHANGES)) {
    test(
      `layers: ${name}`,
      inState((bench) => compareLayers(bench, scripts)),
    );
  }

  test(
    `${MANY_LAYERS} layers that write, add to and replace the same three entries`,
    inState((bench) =>
      compareLayers(
        bench,
        Array.from(
          { length: MANY_LAYERS },
          (_, at) =>
            `echo ${at} >written; mkdir -p added; echo same >added/${at}; rm -rf replaced; mkdir replaced; echo >replaced/${at}`,
        ),
        MANY_LAYERS,
      ),
    ),
  );

  test(
    "a walk lets kinds, parents, names and labels be asked for, and each be looked at meanwhile",
    inState(async ({ snapshotter }) => {
      const label = (value: string) => ({ labels: { l: value } });
      for (const [name, options] of [
        ["p", {}],
        ["p-l", label("1")],
      ] as const) {
        await snapshotter.prepare("extract", "");
        await snapshotter.commit(name, "extract", options);
      }
      for (const parent of ["", "p"]) await snapshotter.prepare(`a-${parent}`, parent);
      for (const parent of ["", "p-l"]) await snapshotter.prepare(`a-l-${parent}`, parent, label("2"));
      await snapshotter.view("v-p", "p");
      await snapshotter.view("v-l-p-l", "p-l", label("3"));
      const found = async (...filters: string[]) => {
        const infos: SnapshotInfo[] = [];
        for await (const info of snapshotter.walk(filters)) {
          assert.equal(await snapshotter.stat(info.key), info);
          infos.push(info);
        }
        return infos.map(({ key }) => key);
      };
      assert.equal(await found("kind==active"), ["a-", "a-l-", "a-l-p-l", "a-p"]);
      assert.equal(await found("kind==view"), ["v-l-p-l", "v-p"]);
      assert.equal(await found("kind==committed"), ["p", "p-l"]);
      assert.equal(await found("name==p", "name==a-l-"), ["a-l-", "p"]);
      assert.equal(await found("name==a-l-p-l,labels.l"), ["a-l-p-l"]);
      assert.equal(await found("parent==p"), ["a-p", "v-p"]);
      assert.equal(await found('parent!=""'), ["a-l-p-l", "a-p", "v-l-p-l", "v-p"]);
      assert.equal(await found("labels.l"), ["a-l-", "a-l-p-l", "p-l", "v-l-p-l"]);
      assert.equal(await found("labels.l==2"), ["a-l-", "a-l-p-l"]);
    }),
  );

  test(
    "can be closed twice",
    inState(async ({ snapshotter }) => {
      await snapshotter.prepare("key", "");
      await snapshotter.close?.();
      await snapshotter.close?.();
    }),
  );
}

/** Makes the same changes in one plain directory, and compares after each `step` layers. */
async function compareLayers(bench: SnapshotBench, scripts: readonly string[], step = 1): Promise<void> {
  const plain = bench.dir.join("plain");
  mkdirSync(plain, { mode: 0o755 });
  let parent = "";
  for (const [at, script] of scripts.entries()) {
    const name = `layer-${at + 1}`;
    await layer(bench, name, parent, (root) => change(root, script), { isDirect: true });
    change(plain, script);
    parent = name;
    if ((at + 1) % step !== 0) continue;
    assert.equal(await viewed(bench, name, contentOf), contentOf(plain), name);
    await bench.snapshotter.prepare(`on ${name}`, name);
    const mounts = await bench.snapshotter.mounts(`on ${name}`);
    assert.equal(await within(bench, mounts, contentOf), contentOf(plain), `on ${name}`);
  }
}

function change(root: string, script: string): void {
  execFileSync("sh", ["-ec", `umask 022\n${script}`], { cwd: root });
}

const contentOf = (root: string): string[] => listTree(root, { without: ["mtime"] });
