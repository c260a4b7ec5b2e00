import { isRawInteger } from "../core/exact-json.ts";
import type { Spec, SpecDeviceRule, SpecMount } from "../core/runtime-spec.ts";
import { defaultSpec } from "./default-spec.ts";
import { defaultDeviceRules } from "./devices.ts";

/** File systems that show nothing of the host's files. */
const OWN_FILE_SYSTEMS: ReadonlySet<string> = new Set([
  "proc",
  "sysfs",
  "tmpfs",
  "devpts",
  "mqueue",
  "cgroup",
  "cgroup2",
]);
/** Through these the kernel is reached, unless they are read-only. */
const KERNEL_FILE_SYSTEMS: ReadonlySet<string> = new Set(["sysfs", "cgroup", "cgroup2"]);
/** Of `linux`: what is looked at below, or confines no less than the default. */
const KNOWN_LINUX_FIELDS: ReadonlySet<string> = new Set(
  "uidMappings gidMappings sysctl resources cgroupsPath namespaces seccomp maskedPaths readonlyPaths mountLabel".split(
    " ",
  ),
);

/** Names of fields that are looked at here, or ask for nothing of the host's, wherever they stand in a spec. */
const KNOWN_FIELDS: ReadonlySet<string> = new Set(
  `ociVersion process root hostname domainname mounts hooks annotations linux
  terminal consoleSize height width user uid gid umask additionalGids username args env cwd capabilities bounding
  effective inheritable permitted ambient rlimits type hard soft noNewPrivileges apparmorProfile oomScoreAdj
  selinuxLabel path readonly destination source options
  uidMappings gidMappings containerID hostID size sysctl resources cgroupsPath namespaces seccomp rootfsPropagation
  maskedPaths readonlyPaths mountLabel
  devices allow major minor access memory limit reservation swap swappiness cpu shares quota period burst cpus mems
  pids blockIO weight leafWeight weightDevice throttleReadBpsDevice throttleWriteBpsDevice throttleReadIOPSDevice
  throttleWriteIOPSDevice rate hugepageLimits pageSize
  defaultAction defaultErrnoRet architectures syscalls names action errnoRet index value valueTwo op`.split(
    /\s+/,
  ),
);
/** Whose names are free, and whose values nothing but texts; hooks and annotations are another matter. */
const FREE_FIELDS: ReadonlySet<string> = new Set(["sysctl", "hooks", "annotations"]);

/**
 * What a spec that somebody else wrote asks for beyond what `ctr run` gives an image, each in a few words; empty for
 * one that may be run as it came. Annotations, root and cgroup are not looked at: whoever runs it sets its own.
 */
export function beyondDefault(spec: Spec): string[] {
  return [
    ...new Set(unknownFields(spec)),
    ...(Object.values(spec.hooks ?? {}).some((hooks) => hooks?.length) ? ["hooks"] : []),
    ...(spec.mounts ?? []).flatMap(mountBeyond),
    ...namespacesBeyond(spec),
    ...processBeyond(spec),
    ...linuxBeyond(spec),
  ];
}

/** Runtimes written in Go read `Hooks` as `hooks`: what is spelled otherwise than we look for it would go unseen. */
function unknownFields(value: object): string[] {
  if (Array.isArray(value)) return value.flatMap(fieldsWithin);
  return Object.entries(value).flatMap(([name, field]) => {
    if (!KNOWN_FIELDS.has(name)) return [`field ${JSON.stringify(name)}`];
    return FREE_FIELDS.has(name) ? [] : fieldsWithin(field);
  });
}

const fieldsWithin = (value: unknown): string[] =>
  typeof value === "object" && value !== null && !isRawInteger(value) ? unknownFields(value) : [];

function mountBeyond({ destination, type = "", source = "", options = [] }: SpecMount): string[] {
  const isBind = options.some((option) => option === "bind" || option === "rbind");
  if (isBind || !OWN_FILE_SYSTEMS.has(type)) return [`mount of ${source || type} on ${destination}`];
  // The paths that are masked in it are those below /proc.
  if (type === "proc" && destination !== "/proc") return [`mount of proc on ${destination}`];
  const isReadOnly = options.includes("ro") && !options.some((option) => option === "rw" || option === "rrw");
  if (KERNEL_FILE_SYSTEMS.has(type) && !isReadOnly) return [`writable ${type} on ${destination}`];
  return [];
}

function namespacesBeyond({ linux }: Spec): string[] {
  const given = linux?.namespaces ?? [];
  const shared = given.filter(({ path }) => path).map(({ type, path }) => `${type} namespace ${path}`);
  const missing = defaultSpec("").linux!.namespaces!.filter(
    ({ type }) => !given.some((one) => one.type === type),
  );
  return [...shared, ...missing.map(({ type }) => `the host's ${type} namespace`)];
}

function processBeyond({ process }: Spec): string[] {
  const allowed = new Set(defaultSpec("").process!.capabilities!.bounding);
  const asked = Object.values(process?.capabilities ?? {}).flat();
  const capabilities = new Set(asked.filter((name) => !allowed.has(name)));
  return [
    ...capabilities,
    ...(process?.noNewPrivileges ? [] : ["new privileges"]),
    // Whoever runs it may be confined more than the label would be.
    ...(process?.selinuxLabel ? [`SELinux label ${JSON.stringify(process.selinuxLabel)}`] : []),
    ...((process?.oomScoreAdj ?? 0) < 0 ? ["being spared when memory runs out"] : []),
  ];
}

function linuxBeyond({ linux = {} }: Spec): string[] {
  const defaults = defaultSpec("").linux!;
  const unmasked = defaults.maskedPaths!.filter((path) => !linux.maskedPaths?.includes(path));
  const writable = defaults.readonlyPaths!.filter((path) => !linux.readonlyPaths?.includes(path));
  const [first, ...rules] = linux.resources?.devices ?? [];
  const deniesFirst = first?.allow === false && first.type === undefined && first.access === "rwm";
  return [
    ...Object.keys(linux).filter((name) => !KNOWN_LINUX_FIELDS.has(name)),
    ...[...unmasked, ...writable].map((path) => `access to ${path}`),
    ...(deniesFirst && rules.every(isDefaultRule) ? [] : ["devices of the host"]),
  ];
}

function isDefaultRule(rule: SpecDeviceRule): boolean {
  const same = (one: SpecDeviceRule) =>
    one.type === rule.type && one.major === rule.major && one.minor === rule.minor;
  return !rule.allow || defaultDeviceRules().some(same);
}
