/** Versions of the CNI specification that we speak, in order. */
const SPOKEN = ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"];
/** Since then plugins are told on removal what they answered on addition. */
const FIRST_WITH_RESULT_ON_REMOVAL = "0.4.0";

/** What a configuration that says nothing about it is written for. */
export const OLDEST_VERSION = SPOKEN[0]!;

export const isSpoken = (version: string): boolean => SPOKEN.includes(version);

/** The newest of them that we speak. */
export const newestSpoken = (versions: readonly string[]): string | undefined =>
  SPOKEN.findLast((version) => versions.includes(version));

export const tellsResultOnRemoval = (version: string): boolean =>
  SPOKEN.indexOf(version) >= SPOKEN.indexOf(FIRST_WITH_RESULT_ON_REMOVAL);
