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
  "uidMappings gidMappings sysctl resources cgroupsPath namespaces seccomp rootfsPropagation maskedPaths readonlyPaths mountLabel".split(
    " ",
  ),
);

/**
 * What a spec that somebody else wrote asks for beyond what `ctr run` gives an image, each in a few words; empty for
 * one that may be run as it came. Annotations, root and cgroup are not looked at: whoever runs it sets its own.
 */
export function beyondDefault(spec: Spec): string[] {
  return [
    ...(Object.values(spec.hooks ?? {}).some((hooks) => hooks?.length) ? ["hooks"] : []),
    ...(spec.mounts ?? []).flatMap(mountBeyond),
    ...namespacesBeyond(spec),
    ...processBeyond(spec),
    ...linuxBeyond(spec),
  ];
}

function mountBeyond({ destination, type = "", source = "", options = [] }: SpecMount): string[] {
  const isBind = options.some((option) => option === "bind" || option === "rbind");
  if (isBind || !OWN_FILE_SYSTEMS.has(type)) return [`mount of ${source || type} on ${destination}`];
  if (KERNEL_FILE_SYSTEMS.has(type) && !options.includes("ro")) return [`writable ${type} on ${destination}`];
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
  return [...capabilities, ...(process?.noNewPrivileges ? [] : ["new privileges"])];
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
    ...("listenerPath" in (linux.seccomp ?? {}) ? ["a seccomp listener"] : []),
  ];
}

function isDefaultRule(rule: SpecDeviceRule): boolean {
  const same = (one: SpecDeviceRule) =>
    one.type === rule.type && one.major === rule.major && one.minor === rule.minor;
  return !rule.allow || defaultDeviceRules().some(same);
}
