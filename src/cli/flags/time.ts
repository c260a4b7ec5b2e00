import { readDuration } from "../../core/duration.ts";
import type { Flag } from "./flag.ts";
import { BadValue } from "./values.ts";

/** A moment, in any of the ways that other tools take and print it. */
export const timeFlag = (summary: string): Flag<Date | undefined> => ({
  kind: "value",
  placeholder: "TIME",
  summary,
  default: undefined,
  parse: parseTime,
});

const SECONDS = /^\d+(?:\.\d+)?$/;
const RFC_3339 = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)?)?$/;

/** RFC 3339, also cut short or as events print it; seconds since 1970; or Go's duration: how long ago. */
export function parseTime(text: string): Date {
  const time = new Date(momentOf(text));
  if (Number.isNaN(time.getTime())) throw new BadValue("must be a time or a duration");
  return time;
}

/** Not a number for what is none, nor for one that no Date reaches. */
function momentOf(text: string): number {
  if (SECONDS.test(text) && text !== "0") return Number(text) * 1000;
  const agoMs = readDuration(text);
  if (agoMs !== undefined) return Date.now() - agoMs;
  const plain = text.replace(/^(\S+) (\S+) \+0000 UTC$/, "$1T$2Z");
  return RFC_3339.test(plain) ? Date.parse(plain) : Number.NaN;
}
