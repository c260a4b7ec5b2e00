import { booleanFlag } from "./flag.ts";

/**
 * Flags of the real ctr that ask for what is always done here: taken so that scripts run unchanged, with nothing left
 * to decide.
 */
export const alwaysLocal = booleanFlag("let this process do the work, as it always does");
export const alwaysSynced = booleanFlag(
  "make layers durable before they count as unpacked, as they always are",
);
export const alwaysAnyName = booleanFlag("accept any target name, as is always done");
