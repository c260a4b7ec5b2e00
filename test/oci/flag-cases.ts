import { hostname } from "node:os";
import { parseMount } from "../../src/oci/mounts.ts";
import { parseIdMapping, parseNamespaceJoin } from "../../src/oci/namespaces.ts";
import { parseAnnotations, parseRlimit } from "../../src/oci/process.ts";
import { baseSpec, type FlagCase } from "./flag-case.ts";
import { privilegeCases, resourceCases } from "./limit-cases.ts";

const mounts = baseSpec.mounts ?? [];
const namespaces = baseSpec.linux?.namespaces ?? [];
const bind = { destination: "/data", type: "bind", source: "/tmp", options: ["rbind", "ro"] };

export const FLAG_CASES: readonly FlagCase[] = [
  { name: "none", words: [], flags: {}, delta: {} },
  ...environment(),
  { name: "--cwd", words: ["--cwd", "/tmp"], flags: { cwd: "/tmp" }, delta: { "process.cwd": "/tmp" } },
  {
    name: "--tty",
    words: ["--tty"],
    flags: { tty: true },
    delta: { "process.terminal": true, "process.env": ["PATH=/bin", "TERM=xterm"] },
  },
  {
    name: "--tty with a TERM of one's own",
    newer: "1.6 appends TERM=xterm after it, and so ignores it",
    flags: { tty: true, env: ["TERM=vt100"] },
    delta: { "process.terminal": true, "process.env": ["PATH=/bin", "TERM=vt100"] },
  },
  {
    name: "--hostname",
    newer: "since 2.1",
    flags: { hostname: "web" },
    delta: { hostname: "web" },
  },
  {
    name: "--rlimit-nofile",
    newer: "since main",
    flags: { rlimitNofile: parseRlimit("2048:4096") },
    delta: { "process.rlimits": [{ type: "RLIMIT_NOFILE", hard: 4096, soft: 2048 }] },
  },
  {
    name: "--allow-new-privs",
    words: ["--allow-new-privs"],
    flags: { allowNewPrivileges: true },
    delta: { "process.noNewPrivileges": undefined },
  },
  {
    name: "--read-only",
    words: ["--read-only"],
    flags: { readOnly: true },
    delta: { "root.readonly": true },
  },
  {
    name: "--rootfs-propagation",
    words: ["--rootfs-propagation", "rshared"],
    flags: { rootfsPropagation: "rshared" },
    delta: { "linux.rootfsPropagation": "rshared" },
  },
  ...mountCases(),
  ...namespaceCases(),
  ...privilegeCases(),
  ...resourceCases(),
  {
    name: "--annotation",
    words: ["--annotation", "a=1", "--annotation", "b=x=y"],
    flags: { annotations: parseAnnotations(["a=1", "b=x=y"]) },
    delta: { annotations: { a: "1", b: "x=y" } },
  },
  {
    name: "--label over --annotation",
    words: ["--annotation", "a=1", "--label", "a=2", "--label", "l", "--label", "e="],
    flags: { annotations: { a: "1" }, labels: { a: "2", l: "true", e: "" } },
    delta: { annotations: { a: "2", l: "true", e: "" } },
  },
];

function environment(): FlagCase[] {
  return [
    {
      name: "--env replaces in place, appends, and keeps commas and empty values",
      words: ["--env", "PATH=/x", "--env", "A=1,2", "--env", "E="],
      flags: { env: ["PATH=/x", "A=1,2", "E="] },
      delta: { "process.env": ["PATH=/x", "A=1,2", "E="] },
    },
    {
      name: "--env of the same new name twice",
      words: ["--env", "A=1", "--env", "A=2"],
      flags: { env: ["A=1", "A=2"] },
      delta: { "process.env": ["PATH=/bin", "A=1", "A=2"] },
    },
    {
      name: "--env K removes what the image sets",
      newer: "1.6 looks for K before it knows the image's variables, and removes nothing",
      flags: { env: ["PATH"] },
      delta: { "process.env": undefined },
    },
  ];
}

function mountCases(): FlagCase[] {
  const text = "type=bind,src=/tmp,dst=/data,options=rbind:ro";
  const shm = { destination: "/dev/shm", type: "tmpfs", source: "shm", options: ["size=1g"] };
  return [
    {
      name: "--mount",
      words: ["--mount", text],
      flags: { mounts: [parseMount(text)] },
      delta: { mounts: [...mounts, bind] },
    },
    {
      name: "--mount with few keys, twice",
      words: ["--mount", "type=tmpfs,destination=/b", "--mount", "source=/x,dst=/a"],
      flags: { mounts: [parseMount("type=tmpfs,destination=/b"), parseMount("source=/x,dst=/a")] },
      delta: {
        mounts: [...mounts, { destination: "/b", type: "tmpfs" }, { destination: "/a", source: "/x" }],
      },
    },
    {
      name: "--mount with a quoted comma",
      words: ["--mount", 'type=bind,"src=/a,b",dst=/data,options=rbind:ro'],
      flags: { mounts: [parseMount('type=bind,"src=/a,b",dst=/data,options=rbind:ro')] },
      delta: { mounts: [...mounts, { ...bind, source: "/a,b" }] },
    },
    {
      name: "--mount over a default one",
      newer: "since 2.1 the default one goes; 1.6 mounts both",
      flags: { mounts: [shm] },
      delta: { mounts: [...mounts.filter(({ destination }) => destination !== "/dev/shm"), shm] },
    },
  ];
}

function namespaceCases(): FlagCase[] {
  const hostFile = (path: string) => ({
    destination: path,
    type: "bind",
    source: path,
    options: ["rbind", "ro"],
  });
  const netHost = {
    "linux.namespaces": namespaces.filter(({ type }) => type !== "network"),
    mounts: [...mounts, hostFile("/etc/hosts"), hostFile("/etc/resolv.conf")],
    "process.env": ["PATH=/bin", `HOSTNAME=${hostname()}`],
  };
  return [
    { name: "--net-host", words: ["--net-host"], flags: { netHost: true }, delta: netHost },
    {
      name: "--net-host over --env HOSTNAME, after --mount",
      words: [
        "--net-host",
        "--env",
        "HOSTNAME=x",
        "--mount",
        "type=bind,src=/tmp,dst=/data,options=rbind:ro",
      ],
      flags: { netHost: true, env: ["HOSTNAME=x"], mounts: [bind] },
      delta: { ...netHost, mounts: [...mounts, bind, ...netHost.mounts.slice(-2)] },
    },
    {
      name: "--with-ns of a type that is there, and of one that is not",
      words: ["--with-ns", "network:/run/netns/a", "--with-ns", "cgroup:/proc/1/ns/cgroup"],
      flags: {
        namespaces: [
          parseNamespaceJoin("network:/run/netns/a"),
          parseNamespaceJoin("cgroup:/proc/1/ns/cgroup"),
        ],
      },
      delta: {
        "linux.namespaces": [
          ...namespaces.filter(({ type }) => type !== "network"),
          { type: "network", path: "/run/netns/a" },
          { type: "cgroup", path: "/proc/1/ns/cgroup" },
        ],
      },
    },
    {
      name: "--uidmap and --gidmap",
      words: ["--uidmap", "0:1000:10", "--gidmap", "0:2000:0x10"],
      on: "run",
      flags: { uidMappings: [parseIdMapping("0:1000:10")], gidMappings: [parseIdMapping("0:2000:0x10")] },
      delta: {
        "linux.uidMappings": [{ containerID: 0, hostID: 1000, size: 10 }],
        "linux.gidMappings": [{ containerID: 0, hostID: 2000, size: 16 }],
        "linux.namespaces": [...namespaces, { type: "user" }],
      },
    },
    {
      name: "--uidmap alone",
      words: ["--uidmap", "0:1000:10"],
      on: "run",
      flags: { uidMappings: [parseIdMapping("0:1000:10")] },
      delta: {},
    },
  ];
}
