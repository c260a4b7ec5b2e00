import { suite } from "uvu";
import * as assert from "uvu/assert";
import { formatCounters } from "../../../src/cli/print/counters.ts";
import { cgroupsOf } from "../../../src/runtime/cgroup.ts";
import { readMetrics } from "../../../src/runtime/metrics/read-metrics.ts";
import { type Beside, openBeside } from "../../support/beside-oracle.ts";

const test = suite("metrics as the real ctr prints them");
let beside: Beside;

test.before(async () => {
  beside = await openBeside({
    normalise: (text) =>
      text
        .replaceAll(/\d{4}-\d\d-\d\d [\d:.]+ \+0000 UTC/g, "TIME")
        .replaceAll(/^(\S+ +)(\d+|\[\d+ \d+\])$/gm, "$1VALUE")
        .replaceAll(/ +/g, " "),
  });
  await beside.both("images", "pull", beside.bench.image);
  const flags = [
    "-d",
    "--null-io",
    "--memory-limit",
    "64000000",
    "--cpu-quota",
    "50000",
    "--cpu-period",
    "100000",
  ];
  await beside.both("run", ...flags, beside.bench.image, "c1", "sleep", "1000");
  await beside.both("containers", "create", beside.bench.image, "none");
});
test.after(async () => beside?.[Symbol.asyncDispose]());

for (const line of [
  "tasks metrics c1",
  "tasks metric c1",
  "tasks metrics",
  "tasks metrics nosuch",
  "tasks metrics none",
  "tasks metrics --format x c1",
  "tasks metrics --format",
]) {
  test(line, () => beside.step(line));
}

test("the same JSON, byte for byte, of one container that stands still", async () => {
  const { oracle, bench } = beside;
  await beside.both("tasks", "pause", "c1");
  try {
    const pid = Number(/^c1 +(\d+)/m.exec(await oracle.ok("tasks", "list"))?.[1]);
    const theirs = await oracle.ok("tasks", "metrics", "--format", "json", "c1");
    assert.is(formatCounters(readMetrics(cgroupsOf(pid)).values), theirs);
    const ours = await bench.ctr.ok("tasks", "metrics", "--format", "json", "c1");
    assert.is(await bench.ctr.ok("tasks", "metrics", "-o", "json", "c1"), ours);
    assert.equal(Object.keys(JSON.parse(ours)), Object.keys(JSON.parse(theirs)));
  } finally {
    // No signal ends what stands still.
    await beside.both("tasks", "resume", "c1");
  }
});

test.run();
