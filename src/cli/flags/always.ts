import { booleanFlag, durationFlag, stringFlag } from "./flag.ts";

/**
 * Flags of the real ctr that ask for what is always done here: taken so that scripts run unchanged, with nothing left
 * to decide.
 */
export const alwaysLocal = booleanFlag("let this process do the work, as it always does");
export const alwaysSynced = booleanFlag(
  "make layers durable before they count as unpacked, as they always are",
);
export const alwaysAnyName = booleanFlag("accept any target name, as is always done");

/** Of `containers create`, in ctr too: a container has no process before it is started. */
export const neverUsedPidFile = stringFlag("not used, as in ctr: give it to tasks start", {
  placeholder: "FILE",
});

/** Of `content active`, where ctr has had them from before there was a daemon. */
export const neverUsedTimeout = durationFlag("not used, as in ctr", { alias: "t" });
export const neverUsedContentRoot = stringFlag("not used, as in ctr", { placeholder: "DIR" });
