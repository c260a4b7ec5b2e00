import type {
  Spec,
  SpecCapabilities,
  SpecCpu,
  SpecLinux,
  SpecProcess,
  SpecResources,
} from "../core/runtime-spec.ts";

/** The optional parts of a spec, made where they are missing: options write into them without asking. */
export function processOf(spec: Spec): SpecProcess {
  spec.process ??= { user: { uid: 0, gid: 0 }, cwd: "/" };
  return spec.process;
}

export function capabilitiesOf(spec: Spec): SpecCapabilities {
  const process = processOf(spec);
  process.capabilities ??= {};
  return process.capabilities;
}

export function linuxOf(spec: Spec): SpecLinux {
  spec.linux ??= {};
  return spec.linux;
}

export function resourcesOf(spec: Spec): SpecResources {
  const linux = linuxOf(spec);
  linux.resources ??= {};
  return linux.resources;
}

export function cpuOf(spec: Spec): SpecCpu {
  const resources = resourcesOf(spec);
  resources.cpu ??= {};
  return resources.cpu;
}
