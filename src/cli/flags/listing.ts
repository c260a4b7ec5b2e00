import { booleanFlag } from "./flag.ts";
import { outputFlag } from "./output.ts";

/** Of every listing. */
export const listingFlags = {
  quiet: booleanFlag("print names only, one to a line", { alias: "q" }),
  output: outputFlag,
};
