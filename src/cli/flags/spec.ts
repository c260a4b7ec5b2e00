import type { SpecInput } from "../../client/containers/spec.ts";
import { parseLabels } from "../../core/labels.ts";
import {
  booleanFlag,
  type FlagValues,
  integerFlag,
  integerListFlag,
  listFlag,
  sizeFlag,
  stringFlag,
} from "./flag.ts";

/** What a container is to be: flags of `run` and of `containers create`. */
export const specFlags = {
  config: stringFlag("take the whole runtime spec from a file; of the flags only labels count then", {
    alias: "c",
    placeholder: "FILE",
    completion: "files",
  }),
  rootfs: booleanFlag("the first argument is a directory with the root filesystem, not an image"),
  cwd: stringFlag("working directory of the process", { placeholder: "DIR" }),
  env: listFlag("set (KEY=VALUE) or remove (KEY) an environment variable", { placeholder: "KEY=VALUE" }),
  envFile: stringFlag("file with such lines, set before --env", { placeholder: "FILE", completion: "files" }),
  user: stringFlag("user and group, names or numbers", { alias: "u", placeholder: "USER[:GROUP]" }),
  tty: booleanFlag("give the process a terminal", { alias: "t" }),
  hostname: stringFlag("host name of the container", { placeholder: "NAME" }),
  label: listFlag("label of the container", { placeholder: "KEY=VALUE" }),
  annotation: listFlag("annotation in the spec", { placeholder: "KEY=VALUE" }),
  mount: listFlag("mount, as type=bind,src=/a,dst=/b,options=rbind:ro", { placeholder: "MOUNT" }),
  readOnly: booleanFlag("make the root filesystem read-only"),
  rootfsPropagation: stringFlag("propagation of the root filesystem's mounts", {
    placeholder: "MODE",
    completion: ["private", "rprivate", "slave", "rslave", "shared", "rshared"],
  }),
  netHost: booleanFlag("use the host's network"),
  withNs: listFlag("join a namespace, as network:/proc/1/ns/net", { placeholder: "TYPE:PATH" }),
  privileged: booleanFlag("lift every restriction but no-new-privileges"),
  allowNewPrivs: booleanFlag("let processes gain privileges, by setuid for example"),
  capAdd: listFlag("add a capability, as CAP_NET_ADMIN", { placeholder: "CAP" }),
  capDrop: listFlag("drop a capability", { placeholder: "CAP" }),
  seccomp: booleanFlag("restrict system calls by the default profile"),
  seccompProfile: stringFlag("restrict them by this profile; needs --seccomp", {
    placeholder: "FILE",
    completion: "files",
  }),
  apparmorProfile: stringFlag("AppArmor profile of the process", { placeholder: "NAME" }),
  apparmorDefaultProfile: stringFlag("load the default AppArmor profile under this name", {
    placeholder: "NAME",
  }),
  selinuxLabel: stringFlag("label the process for SELinux, as system_u:system_r:container_t:s0:c1,c2", {
    placeholder: "LABEL",
  }),
  selinuxMountLabel: stringFlag(
    "label its files for SELinux; by default of --selinux-label as the policy has it for containers, at the level of the process",
    { placeholder: "LABEL" },
  ),
  device: listFlag("device of the host, or a directory of them", {
    placeholder: "PATH",
    completion: "files",
  }),
  gpus: integerListFlag("GPU by its index"),
  cgroup: stringFlag("cgroup of the container; empty for none of its own", { placeholder: "PATH" }),
  memoryLimit: sizeFlag("memory the container may use; 0 is no limit", { default: 0 }),
  cpuQuota: integerFlag("microseconds of CPU time per period; -1 is no limit", { default: -1 }),
  cpuPeriod: integerFlag("length of that period in microseconds; 0 is the kernel's", { default: 0 }),
  rdtClass: stringFlag("Intel RDT class of service", { placeholder: "NAME" }),
  blockioClass: stringFlag("block I/O class", { placeholder: "NAME" }),
  blockioConfigFile: stringFlag("file that defines block I/O classes", {
    placeholder: "FILE",
    completion: "files",
  }),
};

export type SpecTexts = Omit<SpecInput, "namespace" | "id" | "source" | "labels">;

/** The flags as typed data. Throws InvalidArgument. */
export async function specInputOf(flags: FlagValues<typeof specFlags>): Promise<SpecTexts> {
  const { parseAnnotations, parseMount, parseNamespaceJoin, selinuxLabels } = await import(
    "../../client/containers/spec.ts"
  );
  return {
    cwd: flags.cwd,
    env: flags.env,
    envFile: flags.envFile,
    user: flags.user,
    tty: flags.tty,
    hostname: flags.hostname,
    annotations: parseAnnotations(flags.annotation),
    mounts: flags.mount.map(parseMount),
    readOnly: flags.readOnly,
    rootfsPropagation: flags.rootfsPropagation,
    netHost: flags.netHost,
    namespaces: flags.withNs.map(parseNamespaceJoin),
    privileged: flags.privileged,
    allowNewPrivileges: flags.allowNewPrivs,
    capAdd: flags.capAdd,
    capDrop: flags.capDrop,
    seccomp: flags.seccomp,
    seccompProfile: flags.seccompProfile,
    apparmorProfile: flags.apparmorProfile,
    apparmorDefaultProfile: flags.apparmorDefaultProfile,
    selinuxLabels: selinuxLabels({ process: flags.selinuxLabel, mount: flags.selinuxMountLabel }),
    devices: flags.device,
    gpus: flags.gpus,
    cgroup: flags.cgroup,
    memoryLimitBytes: flags.memoryLimit || undefined,
    cpuQuota: flags.cpuQuota === -1 ? undefined : flags.cpuQuota,
    cpuPeriod: flags.cpuPeriod || undefined,
    rdtClass: flags.rdtClass,
    blockioClass: flags.blockioClass,
    blockioConfigFile: flags.blockioConfigFile,
  };
}

export const containerLabelsOf = ({ label }: FlagValues<typeof specFlags>): Record<string, string> =>
  parseLabels(label);
