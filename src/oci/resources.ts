import { CtrError } from "../core/errors.ts";
import type { SpecOption } from "./spec-input.ts";
import { cpuOf, linuxOf, resourcesOf } from "./spec-parts.ts";

/** `--cpus` counts in these, in microseconds. */
const CPU_PERIOD = 100_000;

export const withCpus: SpecOption = (spec, { input }) => {
  const { cpus } = input;
  if (cpus === undefined || !(cpus > 0)) return;
  if (hasQuota(input)) {
    throw new CtrError("InvalidArgument", "cpus and quota/period should be used separately");
  }
  Object.assign(cpuOf(spec), { quota: Math.trunc(cpus * CPU_PERIOD), period: CPU_PERIOD });
};

export const withCpuset: SpecOption = (spec, { input }) => {
  if (input.cpusetCpus) cpuOf(spec).cpus = input.cpusetCpus;
  if (input.cpusetMems) cpuOf(spec).mems = input.cpusetMems;
};

export const withCpuShares: SpecOption = (spec, { input }) => {
  if (input.cpuShares !== undefined && input.cpuShares > 0) cpuOf(spec).shares = input.cpuShares;
};

/** Either alone brings the other's "not set" along: quota -1, period 0. */
export const withCpuQuota: SpecOption = (spec, { input }) => {
  if (!hasQuota(input)) return;
  Object.assign(cpuOf(spec), { quota: input.cpuQuota ?? -1, period: input.cpuPeriod ?? 0 });
};

function hasQuota({ cpuQuota = -1, cpuPeriod = 0 }: { cpuQuota?: number; cpuPeriod?: number }): boolean {
  return cpuQuota !== -1 || cpuPeriod !== 0;
}

export const withMemoryLimit: SpecOption = (spec, { input }) => {
  if (!input.memoryLimitBytes) return;
  const resources = resourcesOf(spec);
  resources.memory = { ...resources.memory, limit: input.memoryLimitBytes };
};

/** Given but empty: the runtime makes no cgroup of its own choosing from us. */
export const withCgroup: SpecOption = (spec, { input }) => {
  if (input.cgroup === undefined) return;
  if (input.cgroup === "") delete linuxOf(spec).cgroupsPath;
  else linuxOf(spec).cgroupsPath = input.cgroup;
};

export const withRdtClass: SpecOption = (spec, { input }) => {
  if (input.rdtClass) linuxOf(spec).intelRdt = { closID: input.rdtClass };
};
