/** The clock on the wall, in nanoseconds, which Date lacks: many things happen in one millisecond. */
import type { FileTime } from "./attributes.ts";
import { checkCall } from "./errno.ts";
import { linkOnFirstUse } from "./libc.ts";

const CLOCK_REALTIME = 0;
const NS_PER_SECOND = 1_000_000_000n;

const libc = linkOnFirstUse({
  clock_gettime: { args: ["i32", "ptr"], returns: "i32" },
});

const timespec = new BigInt64Array(2);

/** Nanoseconds since 1970. */
export function readClockNs(): bigint {
  checkCall(libc().clock_gettime(CLOCK_REALTIME, timespec), "clock_gettime");
  return timespec[0]! * NS_PER_SECOND + timespec[1]!;
}

/** Nanoseconds since 1970. */
export function toNs({ seconds, nanoseconds }: FileTime): bigint {
  return BigInt(seconds) * NS_PER_SECOND + BigInt(nanoseconds);
}

/** RFC 3339 in UTC with nine digits of a second; `ns` since 1970, not before. */
export function formatNs(ns: bigint): string {
  const second = new Date(Number(ns / NS_PER_SECOND) * 1000).toISOString().slice(0, -".000Z".length);
  return `${second}.${String(ns % NS_PER_SECOND).padStart(9, "0")}Z`;
}

/** As `formatNs`. */
export function readClock(): string {
  return formatNs(readClockNs());
}
