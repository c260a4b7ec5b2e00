import type { Counter, Measured } from "../../core/metrics.ts";
import { type Cgroups, readCgroupFile } from "../cgroup.ts";
import { counterOf, readCounter, readLines, readNamed, renamed } from "./cgroup-files.ts";
import { hugePageSizes, readRdma } from "./rare.ts";

/** USER_HZ, which the kernel never changes towards programs. */
const TICK_NANOSECONDS = 1_000_000_000n / 100n;

/** io.containerd.cgroups.v1.Metrics: one message for each controller that is mounted. */
export function readMetricsV1(cgroups: Cgroups): Measured {
  const of = <T>(controller: string, read: (directory: string) => T): T | undefined => {
    const directory = cgroups.get(controller);
    return directory === undefined ? undefined : read(directory);
  };
  return {
    hugetlb: of("hugetlb", readHugetlb),
    pids: of("pids", readPids),
    cpu: of("cpuacct", (directory) => readCpu(directory, cgroups.get("cpu") ?? directory)),
    memory: of("memory", readMemory),
    blkio: of("blkio", readBlkio),
    rdma: of("rdma", readRdma),
    memory_oom_control: of("memory", readOomControl),
  };
}

function readPids(directory: string): Measured {
  return {
    current: readCounter(directory, "pids.current"),
    // In this message, no limit is 0.
    limit: readCounter(directory, "pids.max", 0n),
  };
}

function readCpu(accounting: string, scheduling: string): Measured {
  const ticks = readNamed(accounting, "cpuacct.stat");
  const nanoseconds = (name: string) => (ticks.get(name) ?? 0n) * TICK_NANOSECONDS;
  const [perCpu = []] = readLines(accounting, "cpuacct.usage_percpu");
  return {
    usage: {
      total: readCounter(accounting, "cpuacct.usage"),
      kernel: nanoseconds("system"),
      user: nanoseconds("user"),
      per_cpu: perCpu.map(BigInt),
    },
    throttling: renamed(readNamed(scheduling, "cpu.stat"), [
      ["nr_periods", "periods"],
      ["nr_throttled", "throttled_periods"],
      ["throttled_time", "throttled_time"],
    ]),
  };
}

const OWN_MEMORY = [
  ["cache", "cache"],
  ["rss", "rss"],
  ["rss_huge", "rss_huge"],
  ["mapped_file", "mapped_file"],
  ["dirty", "dirty"],
  ["writeback", "writeback"],
  ["pgpgin", "pg_pg_in"],
  ["pgpgout", "pg_pg_out"],
  ["pgfault", "pg_fault"],
  ["pgmajfault", "pg_maj_fault"],
  ["inactive_anon", "inactive_anon"],
  ["active_anon", "active_anon"],
  ["inactive_file", "inactive_file"],
  ["active_file", "active_file"],
  ["unevictable", "unevictable"],
] as const;
/** The same for the cgroup and all below it, after what its parents allow. */
const ALL_MEMORY = [
  ["hierarchical_memory_limit", "hierarchical_memory_limit"],
  ["hierarchical_memsw_limit", "hierarchical_swap_limit"],
  ...OWN_MEMORY.map(([kernel, containerd]) => [`total_${kernel}`, `total_${containerd}`] as const),
] as const;

function readMemory(directory: string): Measured {
  return {
    ...renamed(readNamed(directory, "memory.stat"), [...OWN_MEMORY, ...ALL_MEMORY]),
    usage: readMemoryEntry(directory, "memory"),
    swap: readMemoryEntry(directory, "memory.memsw"),
    kernel: readMemoryEntry(directory, "memory.kmem"),
    kernel_tcp: readMemoryEntry(directory, "memory.kmem.tcp"),
  };
}

/** Undefined where the kernel does not count that kind of memory. */
function readMemoryEntry(directory: string, kind: string): Measured | undefined {
  const usage = readCounter(directory, `${kind}.usage_in_bytes`);
  if (usage === undefined) return undefined;
  return {
    limit: readCounter(directory, `${kind}.limit_in_bytes`),
    usage,
    max: readCounter(directory, `${kind}.max_usage_in_bytes`),
    failcnt: readCounter(directory, `${kind}.failcnt`),
  };
}

function readOomControl(directory: string): Measured {
  const names = ["oom_kill_disable", "under_oom", "oom_kill"] as const;
  return renamed(
    readNamed(directory, "memory.oom_control"),
    names.map((name) => [name, name]),
  );
}

const SCHEDULED = [
  ["io_service_bytes_recursive", "io_service_bytes_recursive"],
  ["io_serviced_recursive", "io_serviced_recursive"],
  ["io_queued_recursive", "io_queued_recursive"],
  ["io_service_time_recursive", "io_service_time_recursive"],
  ["io_wait_time_recursive", "io_wait_time_recursive"],
  ["io_merged_recursive", "io_merged_recursive"],
  ["time_recursive", "io_time_recursive"],
  ["sectors_recursive", "sectors_recursive"],
] as const;
const THROTTLED = [
  ["throttle.io_service_bytes", "io_service_bytes_recursive"],
  ["throttle.io_serviced", "io_serviced_recursive"],
] as const;

/** What the I/O scheduler counted; where there is none that counts, what came through the throttle. */
function readBlkio(directory: string): Measured {
  const devices = readDeviceNames();
  const read = (files: readonly (readonly [string, string])[]) =>
    files.flatMap(([file, name]) => {
      const entries = readBlkioFile(directory, `blkio.${file}`, devices);
      return entries.length > 0 ? [[name, entries] as const] : [];
    });
  const scheduled = read(SCHEDULED);
  return Object.fromEntries(scheduled.length > 0 ? scheduled : read(THROTTLED));
}

/** Lines `major:minor operation value`, or without the operation. */
function readBlkioFile(directory: string, name: string, devices: ReadonlyMap<string, string>): Measured[] {
  return readLines(directory, name).flatMap(([device = "", ...rest]) => {
    const [major, minor] = device.split(":").map(counterOf);
    const value = counterOf(rest.at(-1));
    if (major === undefined || minor === undefined || value === undefined) return [];
    return { op: rest.length > 1 ? rest[0] : undefined, device: devices.get(device), major, minor, value };
  });
}

function readDeviceNames(): Map<string, string> {
  const lines = (readCgroupFile("/proc/partitions") ?? "").split("\n").map((line) => line.trim().split(/ +/));
  return new Map(
    lines.flatMap(([major, minor, , name]) => (name ? [[`${major}:${minor}`, `/dev/${name}`] as const] : [])),
  );
}

function readHugetlb(directory: string): Measured[] {
  return hugePageSizes(directory, "usage_in_bytes").map((pagesize) => {
    const read = (name: string): Counter | undefined => readCounter(directory, `hugetlb.${pagesize}.${name}`);
    return {
      usage: read("usage_in_bytes"),
      max: read("max_usage_in_bytes"),
      failcnt: read("failcnt"),
      pagesize,
    };
  });
}
