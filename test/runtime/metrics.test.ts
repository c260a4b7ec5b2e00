import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { formatCounters } from "../../src/cli/print/counters.ts";
import { hasCode } from "../../src/core/errors.ts";
import type { Measured } from "../../src/core/metrics.ts";
import { readMetrics } from "../../src/runtime/metrics/read-metrics.ts";
import { removeCgroupsNamed } from "../support/cgroups.ts";
import { openTestTasks } from "../support/tasks.ts";
import { tempDir } from "../support/temp.ts";
import { waitFor } from "../support/wait-for.ts";

const UNIFIED = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"].find((path) => {
  return readFileSync("/proc/mounts", "utf8").includes(` ${path} cgroup2 `);
});

const valuesOf = (values: Measured): Record<string, Record<string, unknown>> =>
  JSON.parse(formatCounters(values));

test("what a task used is told while it runs and after its end, until it is deleted", async () => {
  await using t = openTestTasks();
  const busy = ["sh", "-c", "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; exec sleep 1000"];
  const task = await t.tasks.start("c1", t.request("c1", busy));
  await waitFor(async () => readFileSync(`/proc/${await task.pid()}/comm`, "utf8") === "sleep\n");
  const running = await task.metrics();
  assert.is(valuesOf(running.values).pids!.current, 1);
  await task.kill(9);
  await task.wait();
  const ended = valuesOf((await task.metrics()).values);
  assert.is(ended.pids!.current, undefined);
  assert.ok(JSON.stringify(ended.cpu).length > 10, "it did use the CPU");
  await task.delete();
  const failure = await task.metrics().catch((error: unknown) => error);
  assert.ok(hasCode(failure, "NotFound"), String(failure));
});

test("a container that was out of memory shows it", async () => {
  await using t = openTestTasks();
  const greedy = "x=0123456789abcdef; while :; do x=$x$x; done & wait; exec sleep 1000";
  const limited = t.request("c1", ["sh", "-c", greedy], undefined, (spec) => {
    Object.assign(spec.linux, { resources: { memory: { limit: 8 << 20 } } });
  });
  const task = await t.tasks.start("c1", limited);
  await waitFor(
    async () => {
      const { version, values } = await task.metrics();
      const counted = valuesOf(values)[version === 1 ? "memory_oom_control" : "memory_events"];
      return counted?.oom_kill === 1;
    },
    { what: "the kernel's kill" },
  );
  assert.is(await task.status(), "running");
});

test("of a cgroup of version 2, what the kernel counts", async () => {
  if (UNIFIED === undefined) throw new Error("no cgroup2 is mounted below /sys/fs/cgroup");
  using dir = tempDir();
  const name = `${basename(dirname(dir.path))}-${basename(dir.path)}`;
  const directory = join(UNIFIED, name);
  mkdirSync(directory);
  try {
    const script = `echo $$ >${directory}/cgroup.procs; i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; exit 0`;
    assert.is(await Bun.spawn(["sh", "-c", script]).exited, 0);
    const { version, values } = readMetrics(new Map([["", directory]]));
    assert.is(version, 2);
    const { cpu, io, rdma } = valuesOf(values);
    assert.ok(Number(cpu!.usage_usec) > 1000, JSON.stringify(cpu));
    const text = readFileSync(join(directory, "cpu.stat"), "utf8");
    assert.match(text, `usage_usec ${cpu!.usage_usec}\n`);
    assert.equal([io, rdma], [{}, {}]);
  } finally {
    removeCgroupsNamed(name);
  }
});

/** As Linux 6.1 writes them with all controllers on. */
const FILES: Readonly<Record<string, string>> = {
  "pids.current": "3\n",
  "pids.max": "max\n",
  "cpu.stat":
    "usage_usec 41000\nuser_usec 30000\nsystem_usec 11000\nnr_periods 7\nnr_throttled 2\nthrottled_usec 900\nnr_bursts 0\nburst_usec 0\n",
  "memory.stat":
    "anon 53248\nfile 1982464\nkernel 307200\nkernel_stack 16384\nslab_reclaimable 100\nslab 300\nworkingset_refault_anon 1\npgfault 778\npgmajfault 0\n",
  "memory.current": "2543616\n",
  "memory.max": "64000000\n",
  "memory.peak": "2965504\n",
  "memory.swap.current": "0\n",
  "memory.swap.max": "max\n",
  "memory.events": "low 0\nhigh 0\nmax 4\noom 1\noom_kill 1\noom_group_kill 0\n",
  "io.stat": "254:0 rbytes=4096 wbytes=0 rios=1 wios=0 dbytes=0 dios=0\n7:0 \n",
  "rdma.current": "mlx4_0 hca_handle=2 hca_object=2000\n",
  "rdma.max": "mlx4_0 hca_handle=max hca_object=5000\n",
  "hugetlb.2MB.current": "2097152\n",
  "hugetlb.2MB.max": "max\n",
};

test("of a cgroup of version 2 with every controller, all that containerd's message has", () => {
  using dir = tempDir();
  for (const [name, text] of Object.entries(FILES)) writeFileSync(dir.join(name), text);
  const { values } = readMetrics(new Map([["", dir.path]]));
  assert.is(
    formatCounters(values).replaceAll(/\s+/g, ""),
    `{"pids":{"current":3,"limit":18446744073709551615},
      "cpu":{"usage_usec":41000,"user_usec":30000,"system_usec":11000,"nr_periods":7,"nr_throttled":2,"throttled_usec":900},
      "memory":{"anon":53248,"file":1982464,"kernel_stack":16384,"slab":300,"slab_reclaimable":100,"pgfault":778,
        "usage":2543616,"usage_limit":64000000,"swap_limit":18446744073709551615,"max_usage":2965504},
      "rdma":{"current":[{"device":"mlx4_0","hca_handles":2,"hca_objects":2000}],
        "limit":[{"device":"mlx4_0","hca_handles":4294967295,"hca_objects":5000}]},
      "io":{"usage":[{"major":254,"rbytes":4096,"rios":1},{"major":7}]},
      "hugetlb":[{"current":2097152,"max":18446744073709551615,"pagesize":"2MB"}],
      "memory_events":{"max":4,"oom":1,"oom_kill":1}}`.replaceAll(/\s+/g, ""),
  );
});

test.run();
