import { test } from "uvu";
import * as assert from "uvu/assert";
import { openBeside } from "../support/beside-oracle.ts";
import { oracleMissing } from "../support/containerd.ts";
import { criuTest } from "../support/criu.ts";
import type { RunResult } from "../support/run-program.ts";
import { tempDir } from "../support/temp.ts";
import { waitFor } from "../support/wait-for.ts";

const check = oracleMissing() ? test.skip : criuTest();
const CLOCK = "n=0; while :; do sleep 0.05; n=$((n+1)); echo $n > /count; done";

// containerd leaves lying there what it restores from.
const litter = tempDir();
process.env.XDG_RUNTIME_DIR = litter.path;
test.after(() => litter[Symbol.dispose]());

type Call = (...words: string[]) => Promise<RunResult>;

interface Part {
  mediaType: string;
  digest: string;
  platform?: object;
}

/** The index of an image, with its parts' bytes where these can be equal. */
async function describe(call: Call, ref: string) {
  const { stdout } = await call("images", "list", `name==${ref}`);
  const target = /(\S+) (sha256:[0-9a-f]{64})/.exec(stdout)!;
  const get = async (digest: string) => (await call("content", "get", digest)).stdout;
  const index = JSON.parse(await get(target[2]!));
  const labels = (await call("content", "list", `digest==${target[2]}`)).stdout;
  const parts = await Promise.all(
    index.manifests.map(async ({ mediaType, digest, platform }: Part) => ({
      mediaType,
      platform,
      bytes: /options|manifest/.test(mediaType) ? await get(digest) : undefined,
      specOf: /config/.test(mediaType) ? specIn(await get(digest)) : undefined,
      isKept: new RegExp(`gc\\.ref\\.content\\.\\d=${digest}`).test(labels),
    })),
  );
  return { type: target[1], fields: Object.keys(index), annotations: index.annotations, parts };
}

/** What comes before the JSON in the protobuf message, and that JSON without names that must differ. */
function specIn(message: string): object {
  const start = message.indexOf("{");
  const spec = JSON.parse(message.slice(start));
  return {
    type: message.slice(0, start).replaceAll(/[^\w./]/g, ""),
    ...spec,
    linux: { ...spec.linux, cgroupsPath: "" },
  };
}

check(
  "checkpoints have the real one's index, annotations, labels and parts, and each restores the other's",
  async () => {
    await using beside = await openBeside();
    const { bench, oracle } = beside;
    const { ctr, image, registry } = bench;
    await beside.both("images", "pull", image);
    await beside.both("run", "-d", "--null-io", image, "c", "sh", "-c", CLOCK);
    const [theirs, ours] = [`${registry.host}/saved/theirs:1`, `${registry.host}/saved/ours:1`];
    const flags = ["--image", "--rw", "--task"];
    await oracle.ok("containers", "checkpoint", ...flags, "c", theirs);
    await ctr.ok("containers", "checkpoint", ...flags, "c", ours);
    assert.equal(await describe(ctr, ours), await describe(oracle, theirs));
    await oracle.ok("images", "push", theirs);
    await ctr.ok("images", "push", ours);

    // Its pull fails on what it does not know, after fetching all; `content fetch` records what it has.
    assert.is((await oracle("images", "pull", ours)).code, 1);
    await oracle.ok("content", "fetch", ours);
    await oracle.ok("containers", "restore", "--rw", "--live", "d", ours);
    await ctr.ok("containers", "restore", "--rw", "--live", "d", theirs);
    for (const call of [oracle, ctr] as Call[]) {
      const read = async () =>
        Number(
          (await call("tasks", "exec", "--exec-id", `e${performance.now()}`, "d", "cat", "/count")).stdout,
        );
      const first = await waitFor(read);
      await waitFor(async () => (await read()) > first);
      await call("tasks", "delete", "--force", "d");
    }
    await beside.both("tasks", "delete", "--force", "c");
  },
);

check("tasks checkpoint has the real one's parts", async () => {
  await using beside = await openBeside();
  const { ctr, image } = beside.bench;
  await beside.both("images", "pull", image);
  await beside.both("run", "-d", "--null-io", image, "c", "sh", "-c", CLOCK);
  const [ours, theirs] = await Promise.all(
    [ctr, beside.oracle].map(async (call) => {
      const name = (await call.ok("tasks", "checkpoint", "c")).trimEnd();
      const listed = await call.ok("images", "list", `name==${name}`);
      return { labels: listed.trimEnd().split(" ").at(-1), ...(await describe(call, name)) };
    }),
  );
  assert.equal({ ...ours, annotations: {} }, { ...theirs, annotations: {} });
  // Ours say more, so that `containers restore` of both can use them.
  assert.equal({ ...ours!.annotations, ...theirs!.annotations }, ours!.annotations);
  await beside.both("tasks", "delete", "--force", "c");
});

test.run();
