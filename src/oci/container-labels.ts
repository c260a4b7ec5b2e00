import type { ContainerDefaults } from "../core/image-config.ts";
import { isValidLabel, type Labels, labelNames } from "../core/labels.ts";

const DEFAULT_STOP_SIGNAL = "SIGTERM";
/** Read by containerd itself and by its CRI plugin: an image must not command them (CVE-2026-53488). */
const RESERVED_PREFIXES = ["containerd.io/", "io.cri-containerd"];

/**
 * The labels of a container made from an image: those of its config, then of its record (`image`), then the given
 * ones; the stop signal is always the config's, since that is what its processes understand. What the config has and
 * a record cannot hold stays in the config: whole READMEs are put there.
 */
export function containerLabels({
  image,
  config,
  given,
}: {
  image: Labels;
  config: Pick<ContainerDefaults, "Labels" | "StopSignal">;
  given: Labels;
}): Record<string, string> {
  const ofConfig = Object.entries(config.Labels ?? {}).filter(
    ([key, value]) => !isReserved(key) && isValidLabel(key, value),
  );
  return {
    ...Object.fromEntries(ofConfig),
    ...image,
    ...given,
    [labelNames.stopSignal]: config.StopSignal || DEFAULT_STOP_SIGNAL,
  };
}

function isReserved(key: string): boolean {
  return RESERVED_PREFIXES.some((prefix) => key.startsWith(prefix));
}
