import { CtrError } from "../../core/errors.ts";
import type { Spec } from "../../core/runtime-spec.ts";
import { applyCdiEdits } from "./edits.ts";
import { CDI_DIRECTORIES, type CdiRegistry, readCdiRegistry } from "./registry.ts";

const GPU_VENDORS = ["nvidia.com", "amd.com"];

/**
 * Gives the container the CDI devices of these qualified names, then the GPUs of these numbers. Throws NotFound for
 * a device that no file of `directories` offers, with the reason why a bad file was left out.
 */
export async function injectCdiDevices(
  spec: Spec,
  names: readonly string[],
  gpus: readonly number[],
  directories: readonly string[] = CDI_DIRECTORIES,
): Promise<void> {
  const registry = await readCdiRegistry(directories);
  const wanted = [...names, ...gpuNames(registry, gpus)];
  const found = wanted.flatMap((name) => registry.devices.get(name) ?? []);
  if (found.length < wanted.length) {
    const unresolved = wanted.filter((name) => !registry.devices.has(name));
    throw missing(registry, `unresolvable CDI devices ${unresolved.join(", ")}`, directories);
  }
  const applied = new Set<object>();
  for (const { device, document } of found) {
    if (document.containerEdits && !applied.has(document)) applyCdiEdits(spec, document.containerEdits);
    applied.add(document);
    applyCdiEdits(spec, device.containerEdits);
  }
}

function gpuNames(registry: CdiRegistry, gpus: readonly number[]): string[] {
  if (gpus.length === 0) return [];
  const vendor = GPU_VENDORS.find((name) => registry.vendors.has(name));
  if (vendor) return gpus.map((gpu) => `${vendor}/gpu=${gpu}`);
  throw missing(registry, "no known GPU vendor detected in CDI specs, only AMD and NVIDIA are supported");
}

function missing(
  { problems }: CdiRegistry,
  subject: string,
  directories = CDI_DIRECTORIES as readonly string[],
): CtrError {
  const hint = `CDI specifications are read from ${directories.join(" and ")}; for NVIDIA, nvidia-ctk cdi generate makes one`;
  const why = problems.map(({ message }) => ` (${message})`).join("");
  return new CtrError("NotFound", `CDI device injection failed: ${subject}${why}`, { hint });
}
