import { existsSync } from "node:fs";
import type { Measured } from "../../core/metrics.ts";
import { counterOf, readCounter, readLines, readNamed, renamed } from "./cgroup-files.ts";
import { hugePageSizes, readRdma } from "./rare.ts";

const same = (names: string) => names.split(" ").map((name) => [name, name] as const);

const CPU = same("usage_usec user_usec system_usec nr_periods nr_throttled throttled_usec");
const MEMORY = same(
  "anon file kernel_stack slab sock shmem file_mapped file_dirty file_writeback anon_thp inactive_anon active_anon inactive_file active_file unevictable slab_reclaimable slab_unreclaimable pgfault pgmajfault workingset_refault workingset_activate workingset_nodereclaim pgrefill pgscan pgsteal pgactivate pgdeactivate pglazyfree pglazyfreed thp_fault_alloc thp_collapse_alloc",
);
const EVENTS = same("low high max oom oom_kill");

/** io.containerd.cgroups.v2.Metrics of one cgroup. */
export function readMetricsV2(directory: string): Measured {
  const events = readNamed(directory, "memory.events");
  const hugetlb = readHugetlb(directory);
  return {
    pids: { current: readCounter(directory, "pids.current"), limit: readCounter(directory, "pids.max") },
    cpu: renamed(readNamed(directory, "cpu.stat"), CPU),
    memory: readMemory(directory),
    rdma: readRdma(directory),
    io: { usage: readIo(directory) },
    hugetlb: hugetlb.length > 0 ? hugetlb : undefined,
    memory_events: events.size > 0 ? renamed(events, EVENTS) : undefined,
  };
}

function readMemory(directory: string): Measured {
  const read = (name: string) => readCounter(directory, `memory.${name}`);
  return {
    ...renamed(readNamed(directory, "memory.stat"), MEMORY),
    usage: read("current"),
    usage_limit: read("max"),
    swap_usage: read("swap.current"),
    swap_limit: read("swap.max"),
    max_usage: read("peak"),
    swap_max_usage: read("swap.peak"),
  };
}

/** Lines `major:minor rbytes=N wbytes=N rios=N wios=N …`. */
function readIo(directory: string): Measured[] | undefined {
  const entries = readLines(directory, "io.stat").flatMap(([device = "", ...pairs]) => {
    const [major, minor] = device.split(":").map(counterOf);
    if (major === undefined || minor === undefined) return [];
    const values = new Map(pairs.map((pair) => pair.split("=") as [string, string]));
    const counted = (name: string) => counterOf(values.get(name));
    return {
      ...{ major, minor, rbytes: counted("rbytes"), wbytes: counted("wbytes") },
      ...{ rios: counted("rios"), wios: counted("wios") },
    };
  });
  return entries.length > 0 ? entries : undefined;
}

function readHugetlb(directory: string): Measured[] {
  if (!existsSync(directory)) return [];
  return hugePageSizes(directory, "current").map((pagesize) => ({
    current: readCounter(directory, `hugetlb.${pagesize}.current`),
    max: readCounter(directory, `hugetlb.${pagesize}.max`),
    pagesize,
  }));
}
