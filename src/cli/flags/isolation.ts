import type { SpecInput } from "../../client/containers/spec.ts";
import { booleanFlag, type FlagValues, floatFlag, integerFlag, listFlag, stringFlag } from "./flag.ts";

/** Resources and identities that `run` alone can set. */
export const isolationFlags = {
  cpus: floatFlag("number of CPUs it may use, as 1.5; 0 is all", { default: 0 }),
  cpuShares: integerFlag("its share of CPU time among others", { default: 1024 }),
  cpusetCpus: stringFlag("CPUs it may run on, as 0-3,5", { placeholder: "LIST" }),
  cpusetMems: stringFlag("memory nodes it may use", { placeholder: "LIST" }),
  rlimitNofile: stringFlag("open files allowed", { placeholder: "SOFT[:HARD]" }),
  uidmap: listFlag("map user ids, together with --gidmap", { placeholder: "CONTAINER:HOST:SIZE" }),
  gidmap: listFlag("map group ids, together with --uidmap", { placeholder: "CONTAINER:HOST:SIZE" }),
  remapLabels: booleanFlag("have the snapshotter map owners of files for --uidmap, and fail where it cannot"),
  privilegedWithoutHostDevices: booleanFlag("keep the host's devices from a --privileged container"),
};

/** Throws InvalidArgument. */
export async function isolationOf(flags: FlagValues<typeof isolationFlags>): Promise<Partial<SpecInput>> {
  const { parseIdMapping, parseRlimit } = await import("../../client/containers/spec.ts");
  return {
    cpus: flags.cpus || undefined,
    cpuShares: flags.cpuShares > 0 ? flags.cpuShares : undefined,
    cpusetCpus: flags.cpusetCpus,
    cpusetMems: flags.cpusetMems,
    rlimitNofile: flags.rlimitNofile ? parseRlimit(flags.rlimitNofile) : undefined,
    uidMappings: flags.uidmap.map(parseIdMapping),
    gidMappings: flags.gidmap.map(parseIdMapping),
    privilegedWithoutHostDevices: flags.privilegedWithoutHostDevices,
  };
}
