import { access, readFile } from "node:fs/promises";
import { join } from "node:path";
import { CtrError } from "../core/errors.ts";
import { asSysError } from "../sys/errno.ts";

const LOADED_PROFILES = "/sys/kernel/security/apparmor/profiles";
const POLICY_DIRECTORY = "/etc/apparmor.d";

/**
 * Loads the default profile into the kernel under `name`, unless one of that name is loaded. Throws NotFound on a
 * host without AppArmor, FailedPrecondition when apparmor_parser is missing or refuses it.
 */
export async function loadDefaultProfile(name: string): Promise<void> {
  if (!/^[\w./-]+$/.test(name)) {
    throw new CtrError("InvalidArgument", `AppArmor profile name ${JSON.stringify(name)}`);
  }
  if (await isLoaded(name)) return;
  await runParser(await defaultProfile(name));
}

async function isLoaded(name: string): Promise<boolean> {
  try {
    const profiles = await readFile(LOADED_PROFILES, "utf8");
    return profiles.split("\n").some((line) => line.startsWith(`${name} (`));
  } catch (error) {
    throw asSysError(error, LOADED_PROFILES);
  }
}

/** Without a file it reads the profile from its standard input. */
async function runParser(profile: string): Promise<void> {
  const { execa } = await import("execa");
  const result = await execa("apparmor_parser", ["-Kr"], { input: profile, reject: false, all: true });
  if (!result.failed) return;
  const words = result.code === "ENOENT" ? "apparmor_parser is not installed" : (result.all ?? "").trim();
  throw new CtrError("FailedPrecondition", `load apparmor profile: ${words}`, {
    hint: result.code === "ENOENT" ? "install the package apparmor" : undefined,
  });
}

/** Ordinary work is allowed; the parts of /proc and /sys that reach the host, and mounting, are not. */
export async function defaultProfile(name: string): Promise<string> {
  const hasTunables = await exists(join(POLICY_DIRECTORY, "tunables/global"));
  const hasBase = await exists(join(POLICY_DIRECTORY, "abstractions/base"));
  const signallers = new Set(["unconfined", "runc", "crun", await ownProfile()]);
  return [
    hasTunables ? "#include <tunables/global>" : "@{PROC}=/proc/",
    `profile ${name} flags=(attach_disconnected,mediate_deleted) {`,
    hasBase ? "#include <abstractions/base>" : "",
    "network,\ncapability,\nfile,\numount,\ndeny mount,",
    ...[...signallers].map((peer) => `signal (receive) peer=${peer},`),
    `signal (send,receive) peer=${name},`,
    `ptrace (trace,tracedby,read,readby) peer=${name},`,
    ...PROC_DENIALS,
    ...SYS_DENIALS.map((path) => `deny ${path} rwklx,`),
    ...SYS_WRITE_DENIALS.map((path) => `deny ${path} wklx,`),
    "}\n",
  ].join("\n");
}

async function ownProfile(): Promise<string> {
  try {
    const label = await readFile("/proc/self/attr/current", "utf8");
    return label.split(/[ \n\0]/)[0] || "unconfined";
  } catch {
    return "unconfined"; // what a process without a readable label is
  }
}

/** Files right in /proc, whatever is not a process or /proc/sys, and of that all but the kernel's shm limits. */
const PROC_DENIALS = [
  "deny @{PROC}/* w,",
  "deny @{PROC}/{[^1-9/],[^1-9/][^0-9/],[^1-9s/][^0-9y/][^0-9s/],[^1-9/][^0-9/][^0-9/][^0-9/]*}/** w,",
  "deny @{PROC}/sys/[^k]** w,",
  "deny @{PROC}/sys/kernel/{?,??,[^s][^h][^m]**} w,",
  "deny @{PROC}/{sysrq-trigger,mem,kmem,kcore} rwklx,",
];

const SYS_DENIALS = ["/sys/firmware/**", "/sys/devices/virtual/powercap/**", "/sys/kernel/security/**"];

/** Everything but /sys/fs/cgroup: AppArmor has no "except", so each letter of the way is denied apart. */
const SYS_WRITE_DENIALS = [
  "/sys/[^f]*/**",
  "/sys/f[^s]*/**",
  "/sys/fs/[^c]*/**",
  "/sys/fs/c[^g]*/**",
  "/sys/fs/cg[^r]*/**",
];

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
