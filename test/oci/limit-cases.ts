import type { SpecDeviceRule } from "../../src/core/runtime-spec.ts";
import type { Flags } from "./build.ts";
import { baseSpec, type FlagCase } from "./flag-case.ts";

const capabilities = baseSpec.process?.capabilities?.bounding ?? [];
const rules = baseSpec.linux?.resources?.devices ?? [];

const rule = (type: string, major: number, minor: number): SpecDeviceRule => ({
  allow: true,
  type,
  major,
  minor,
  access: "rwm",
});
const inAllSets = (names: readonly string[]) => ({
  "process.capabilities.bounding": names,
  "process.capabilities.effective": names,
  "process.capabilities.permitted": names,
});
/** Flags on what the container may do. */
export function privilegeCases(): FlagCase[] {
  return [
    {
      name: "--cap-add, also of a name unknown to everybody",
      words: ["--cap-add", "CAP_SYS_ADMIN", "--cap-add", "CAP_NONE", "--cap-add", "CAP_CHOWN"],
      flags: { capAdd: ["CAP_SYS_ADMIN", "CAP_NONE", "CAP_CHOWN"] },
      delta: inAllSets([...capabilities, "CAP_SYS_ADMIN", "CAP_NONE"]),
    },
    {
      name: "--cap-drop after --cap-add",
      words: ["--cap-drop", "CAP_CHOWN", "--cap-drop", "CAP_NONE", "--cap-add", "CAP_CHOWN"],
      flags: { capDrop: ["CAP_CHOWN", "CAP_NONE"], capAdd: ["CAP_CHOWN"] },
      delta: inAllSets(capabilities.filter((name) => name !== "CAP_CHOWN")),
    },
    {
      name: "--apparmor-profile",
      words: ["--apparmor-profile", "p"],
      flags: { apparmorProfile: "p" },
      delta: { "process.apparmorProfile": "p" },
    },
    {
      name: "--device",
      words: ["--device", "/dev/full"],
      flags: { devices: ["/dev/full"] },
      delta: {
        "linux.devices": [
          { path: "/dev/full", type: "c", major: 1, minor: 7, fileMode: 0o666, uid: 0, gid: 0 },
        ],
        "linux.resources.devices": [...rules, rule("c", 1, 7)],
      },
    },
  ];
}

/** Flags on what it may use up. */
export function resourceCases(): FlagCase[] {
  const cpu = (flags: Flags, values: object, words: string[], on?: "run"): FlagCase => ({
    name: words.join(" "),
    words,
    on,
    flags,
    delta: { "linux.resources.cpu": values },
  });
  return [
    cpu(
      { cpus: 1.5, cpuShares: 1024 },
      { shares: 1024, quota: 150000, period: 100000 },
      ["--cpus", "1.5"],
      "run",
    ),
    cpu({ cpuShares: 2 }, { shares: 2 }, ["--cpu-shares", "2"], "run"),
    cpu({ cpuQuota: 5000 }, { quota: 5000, period: 0 }, ["--cpu-quota", "5000"]),
    cpu({ cpuQuota: 0 }, { quota: 0, period: 0 }, ["--cpu-quota", "0"]),
    cpu({ cpuPeriod: 9000 }, { quota: -1, period: 9000 }, ["--cpu-period", "9000"]),
    {
      name: "--cpu-quota -1, --cpu-shares 0, --cpus 0 and --memory-limit 0",
      words: ["--cpu-quota", "-1", "--cpu-shares", "0", "--cpus", "0", "--memory-limit", "0"],
      on: "run",
      flags: { cpuQuota: -1, cpuPeriod: 0, cpuShares: 0, cpus: 0, memoryLimitBytes: 0 },
      delta: {},
    },
    {
      name: "--cpuset-cpus and --cpuset-mems",
      newer: "since 2.1",
      flags: { cpusetCpus: "0-1", cpusetMems: "0" },
      delta: { "linux.resources.cpu": { cpus: "0-1", mems: "0" } },
    },
    {
      name: "--memory-limit",
      words: ["--memory-limit", "8388608"],
      flags: { memoryLimitBytes: 8388608 },
      delta: { "linux.resources.memory": { limit: 8388608 } },
    },
    {
      name: "--cgroup",
      words: ["--cgroup", "/my/path"],
      on: "run",
      flags: { cgroup: "/my/path" },
      delta: { "linux.cgroupsPath": "/my/path" },
    },
    {
      name: "--cgroup, empty",
      words: ["--cgroup", ""],
      on: "run",
      flags: { cgroup: "" },
      delta: { "linux.cgroupsPath": undefined },
    },
    {
      name: "--rdt-class",
      words: ["--rdt-class", "gold"],
      flags: { rdtClass: "gold" },
      delta: { "linux.intelRdt": { closID: "gold" } },
    },
  ];
}
