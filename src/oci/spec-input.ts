import type { ContainerDefaults } from "../core/image-config.ts";
import type { Labels } from "../core/labels.ts";
import type { IdMapping, Spec, SpecMount, SpecNamespace, SpecRlimit } from "../core/runtime-spec.ts";

/** Where the container's files come from. */
export type SpecSource =
  | {
      kind: "image";
      config: ContainerDefaults;
      /**
       * The image's mounted root filesystem, where users and groups are looked up. Asked for at most once, while
       * the spec is built; whoever passes it unmounts.
       */
      openRootfs: () => Promise<string>;
    }
  /** `--rootfs`: a directory of the host, made absolute by the caller. */
  | { kind: "directory"; path: string }
  /** `--config`: the whole spec; of everything below only `labels` counts. */
  | { kind: "file"; path: string };

/** Of a container's processes, and of the files in its root and in the file systems that are made for it. */
export interface SelinuxLabels {
  process?: string;
  mount?: string;
}

/**
 * What a container is asked to be: the flags of `run` and `containers create` as typed data. An absent field
 * changes nothing. Texts in the flags' own syntax become these types by the `parse…` functions of this folder.
 */
export interface SpecInput {
  namespace: string;
  id: string;
  source: SpecSource;

  /** In place of the image's Entrypoint and Cmd when it has at least one word. */
  args?: readonly string[];
  cwd?: string;
  /** `user[:group]`, names or numbers, in place of the image's. */
  user?: string;
  /** `K=V` sets, `K` alone removes. */
  env?: readonly string[];
  /** A file of such lines, applied before `env`. */
  envFile?: string;
  tty?: boolean;
  hostname?: string;
  rlimitNofile?: Pick<SpecRlimit, "soft" | "hard">;
  allowNewPrivileges?: boolean;

  readOnly?: boolean;
  mounts?: readonly SpecMount[];
  rootfsPropagation?: string;

  /** No network namespace of its own; the host's name and its hosts and resolv.conf files. */
  netHost?: boolean;
  namespaces?: readonly SpecNamespace[];
  /** Both or neither: one alone changes nothing, as in ctr. */
  uidMappings?: readonly IdMapping[];
  gidMappings?: readonly IdMapping[];

  privileged?: boolean;
  /** Only with `privileged`. */
  privilegedWithoutHostDevices?: boolean;
  capAdd?: readonly string[];
  capDrop?: readonly string[];
  seccomp?: boolean;
  /** A profile file in place of the default profile; only with `seccomp`. */
  seccompProfile?: string;
  apparmorProfile?: string;
  /** Loads the default profile under this name; not with `apparmorProfile`. */
  apparmorDefaultProfile?: string;
  selinuxLabels?: SelinuxLabels;
  /** Paths of device nodes or of directories with device nodes in them, and CDI devices as `vendor/class=name`. */
  devices?: readonly string[];
  /** Numbers of GPUs, as their vendor's CDI files name them. */
  gpus?: readonly number[];

  /** Empty: no cgroup path at all. */
  cgroup?: string;
  memoryLimitBytes?: number;
  /** In CPUs; not with quota or period. */
  cpus?: number;
  cpuShares?: number;
  /** Microseconds of CPU time per period; -1 is no limit. */
  cpuQuota?: number;
  /** Microseconds. */
  cpuPeriod?: number;
  cpusetCpus?: string;
  cpusetMems?: string;
  rdtClass?: string;
  /** A class of block I/O, and the YAML file that describes it. */
  blockioClass?: string;
  blockioConfigFile?: string;

  annotations?: Labels;
  /** The container's own labels, which become annotations too. */
  labels?: Labels;
}

export interface SpecContext {
  input: SpecInput;
  /** The mounted root filesystem: the image's, or the given directory. */
  rootfs: () => Promise<string>;
}

/** One change to the spec. Throws InvalidArgument, and NotFound or PermissionDenied for files it cannot read. */
export type SpecOption = (spec: Spec, context: SpecContext) => void | Promise<void>;
