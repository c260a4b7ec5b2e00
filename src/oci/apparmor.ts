import { CtrError } from "../core/errors.ts";
import type { SpecOption } from "./spec-input.ts";
import { processOf } from "./spec-parts.ts";

export const withApparmor: SpecOption = async (spec, { input }) => {
  const { apparmorProfile, apparmorDefaultProfile } = input;
  if (apparmorProfile && apparmorDefaultProfile) {
    throw new CtrError("InvalidArgument", "apparmor-profile conflicts with apparmor-default-profile");
  }
  if (apparmorDefaultProfile) {
    const { loadDefaultProfile } = await import("./apparmor-profile.ts");
    await loadDefaultProfile(apparmorDefaultProfile);
  }
  const profile = apparmorProfile || apparmorDefaultProfile;
  if (profile) processOf(spec).apparmorProfile = profile;
};
