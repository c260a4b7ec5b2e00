import manifest from "../../package.json" with { type: "json" };

declare const CTR_REVISION: string | undefined;

export const version: string = manifest.version;

/** The commit this was built from; set by the build. */
export const revision: string = typeof CTR_REVISION === "string" ? CTR_REVISION : "";
