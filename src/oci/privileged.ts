import { CtrError } from "../core/errors.ts";
import type { Spec } from "../core/runtime-spec.ts";
import { grantAllCapabilities } from "./capabilities.ts";
import { findDevices } from "./devices.ts";
import type { SpecOption } from "./spec-input.ts";
import { linuxOf, processOf, resourcesOf } from "./spec-parts.ts";

/** What containerd calls privileged; `noNewPrivileges` stays, as it does there. */
export const withPrivileged: SpecOption = async (spec, { input }) => {
  if (!input.privileged) {
    if (!input.privilegedWithoutHostDevices) return;
    throw new CtrError(
      "InvalidArgument",
      "can't use 'privileged-without-host-devices' without 'privileged' specified",
    );
  }
  await grantAllCapabilities(spec);
  const linux = linuxOf(spec);
  delete linux.maskedPaths;
  delete linux.readonlyPaths;
  delete linux.seccomp;
  const process = processOf(spec);
  delete process.apparmorProfile;
  delete process.selinuxLabel;
  makeWritable(spec, ["sysfs", "cgroup"]);
  if (input.privilegedWithoutHostDevices) return;
  resourcesOf(spec).devices = [{ allow: true, access: "rwm" }];
  linux.devices = [...(linux.devices ?? []), ...findDevices("/dev")];
};

function makeWritable(spec: Spec, types: readonly string[]): void {
  for (const mount of spec.mounts ?? []) {
    if (!types.includes(mount.type ?? "")) continue;
    mount.options = mount.options?.map((option) => (option === "ro" ? "rw" : option));
  }
}
