import { registryFlags } from "./registry.ts";

/** The real ctr takes the flags of a registry also where none is spoken to; so that scripts run unchanged, we do. */
export const noRegistryFlags = Object.fromEntries(
  Object.entries(registryFlags).map(([key, flag]) => [
    key,
    { ...flag, summary: "has no effect: no registry is asked" },
  ]),
) as typeof registryFlags;
