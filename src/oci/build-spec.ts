import type { Spec } from "../core/runtime-spec.ts";
import { withApparmor } from "./apparmor.ts";
import { withAddedCapabilities, withDroppedCapabilities } from "./capabilities.ts";
import { readSpecFile } from "./config-file.ts";
import { defaultSpec } from "./default-spec.ts";
import { withCdiDevices, withDefaultDeviceRules, withDevices } from "./devices.ts";
import { withMounts } from "./mounts.ts";
import { withJoinedNamespaces, withNetHost, withUserMappings } from "./namespaces.ts";
import { withPrivileged } from "./privileged.ts";
import {
  checkCwd,
  withAnnotations,
  withArgs,
  withCwd,
  withEnv,
  withHostname,
  withLabelAnnotations,
  withNewPrivileges,
  withRlimit,
  withTty,
} from "./process.ts";
import {
  withCgroup,
  withCpuQuota,
  withCpuShares,
  withCpus,
  withCpuset,
  withMemoryLimit,
  withRdtClass,
} from "./resources.ts";
import { withRoot, withRootfsPropagation } from "./root.ts";
import { withSeccomp } from "./seccomp.ts";
import { withSelinuxLabels } from "./selinux.ts";
import type { SpecContext, SpecInput, SpecOption } from "./spec-input.ts";
import { withImageUser, withUser } from "./user.ts";

/** containerd's order: where two touch the same field, the later one wins. */
const OPTIONS: readonly SpecOption[] = [
  withDefaultDeviceRules,
  withEnv,
  withMounts,
  withImageUser,
  withUserMappings,
  withRoot,
  withArgs,
  withCwd,
  withUser,
  withTty,
  withPrivileged,
  withNetHost,
  withAnnotations,
  withAddedCapabilities,
  withDroppedCapabilities,
  withSeccomp,
  withApparmor,
  withSelinuxLabels,
  withCpus,
  withCpuset,
  withCpuShares,
  withCpuQuota,
  withJoinedNamespaces,
  withNewPrivileges,
  withCgroup,
  withMemoryLimit,
  withDevices,
  withCdiDevices,
  withRootfsPropagation,
  withBlockIoIfAsked,
  withRdtClass,
  withHostname,
  withRlimit,
];

/** Hardly anybody asks, and the others do not load it. */
async function withBlockIoIfAsked(spec: Spec, context: SpecContext): Promise<void> {
  const { blockioClass, blockioConfigFile } = context.input;
  if (!blockioClass && !blockioConfigFile) return;
  const { withBlockIo } = await import("./blockio.ts");
  await withBlockIo(spec, context);
}

/**
 * The runtime spec of a container. Everything in it is made anew for this call, nothing is shared with `input`
 * or another spec. Throws InvalidArgument for what the flags forbid, NotFound for files that are missing.
 */
export async function buildSpec(input: SpecInput): Promise<Spec> {
  const context = createContext(input);
  const spec = await baseSpec(input, context);
  await withLabelAnnotations(spec, context);
  checkCwd(spec.process?.cwd ?? "/");
  return spec;
}

async function baseSpec(input: SpecInput, context: SpecContext): Promise<Spec> {
  if (input.source.kind === "file") return readSpecFile(input.source.path);
  const spec = defaultSpec(input.namespace, input.id);
  for (const option of OPTIONS) await option(spec, context);
  return spec;
}

function createContext(input: SpecInput): SpecContext {
  let opened: Promise<string> | undefined;
  return {
    input,
    rootfs: () => {
      opened ??= openRootfs(input);
      return opened;
    },
  };
}

async function openRootfs({ source }: SpecInput): Promise<string> {
  if (source.kind === "image") return source.openRootfs();
  return source.path;
}
