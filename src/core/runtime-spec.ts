/**
 * The OCI runtime spec (config.json of a bundle), as far as ctr reads or writes it. Key order is that of the
 * spec's own Go types, so that what we print compares line by line with containerd's.
 */
export interface Spec {
  ociVersion: string;
  process?: SpecProcess;
  root?: { path: string; readonly?: boolean };
  hostname?: string;
  mounts?: SpecMount[];
  hooks?: Record<string, SpecHook[]>;
  annotations?: Record<string, string>;
  linux?: SpecLinux;
}

export interface SpecProcess {
  terminal?: boolean;
  consoleSize?: { height: number; width: number };
  user: SpecUser;
  args?: string[];
  env?: string[];
  cwd: string;
  capabilities?: SpecCapabilities;
  rlimits?: SpecRlimit[];
  noNewPrivileges?: boolean;
  apparmorProfile?: string;
  oomScoreAdj?: number;
  selinuxLabel?: string;
}

export interface SpecUser {
  uid: number;
  gid: number;
  umask?: number;
  additionalGids?: number[];
}

/** Names with their CAP_ prefix. `inheritable` and `ambient` stay absent unless a spec file brings them. */
export interface SpecCapabilities {
  bounding?: string[];
  effective?: string[];
  inheritable?: string[];
  permitted?: string[];
  ambient?: string[];
}

export interface SpecRlimit {
  type: string;
  hard: number;
  soft: number;
}

export interface SpecMount {
  destination: string;
  type?: string;
  source?: string;
  options?: string[];
}

export interface SpecHook {
  path: string;
  args?: string[];
  env?: string[];
  timeout?: number;
}

export type NamespaceType = "pid" | "network" | "uts" | "mount" | "user" | "ipc" | "cgroup" | "time";

export interface SpecNamespace {
  type: NamespaceType;
  /** An existing namespace to join; absent for a new one. */
  path?: string;
}

export interface IdMapping {
  containerID: number;
  hostID: number;
  size: number;
}

export interface SpecDevice {
  path: string;
  type: "b" | "c" | "p" | "u";
  major: number;
  minor: number;
  /** Permission bits alone. */
  fileMode?: number;
  uid?: number;
  gid?: number;
}

export interface SpecDeviceRule {
  allow: boolean;
  type?: string;
  /** Absent: any. */
  major?: number;
  minor?: number;
  access?: string;
}

export interface SpecCpu {
  shares?: number;
  quota?: number;
  period?: number;
  cpus?: string;
  mems?: string;
}

/** Rates in bytes or operations per second, weights from 10 to 1000. */
export interface SpecBlockIo {
  weight?: number;
  weightDevice?: { major: number; minor: number; weight: number }[];
  throttleReadBpsDevice?: SpecThrottle[];
  throttleWriteBpsDevice?: SpecThrottle[];
  throttleReadIOPSDevice?: SpecThrottle[];
  throttleWriteIOPSDevice?: SpecThrottle[];
}

export interface SpecThrottle {
  major: number;
  minor: number;
  rate: number;
}

export interface SpecResources {
  devices?: SpecDeviceRule[];
  memory?: { limit?: number };
  cpu?: SpecCpu;
  blockIO?: SpecBlockIo;
}

export interface SpecSyscallRule {
  names: string[];
  action: string;
  errnoRet?: number;
  args?: { index: number; value: number; valueTwo?: number; op: string }[];
}

export interface SpecSeccomp {
  defaultAction: string;
  architectures?: string[];
  syscalls?: SpecSyscallRule[];
}

export interface SpecLinux {
  uidMappings?: IdMapping[];
  gidMappings?: IdMapping[];
  sysctl?: Record<string, string>;
  resources?: SpecResources;
  cgroupsPath?: string;
  namespaces?: SpecNamespace[];
  devices?: SpecDevice[];
  seccomp?: SpecSeccomp;
  rootfsPropagation?: string;
  maskedPaths?: string[];
  readonlyPaths?: string[];
  mountLabel?: string;
  intelRdt?: { closID?: string } & Record<string, unknown>;
  /** By the interface's name on the host. */
  netDevices?: Record<string, { name?: string }>;
}
