/** The clock on the wall, in nanoseconds, which Date lacks: many things happen in one millisecond. */
import { checkCall } from "./errno.ts";
import { linkOnFirstUse } from "./libc.ts";

const CLOCK_REALTIME = 0;

const libc = linkOnFirstUse({
  clock_gettime: { args: ["i32", "ptr"], returns: "i32" },
});

const timespec = new BigInt64Array(2);

/** RFC 3339 in UTC with nine digits of a second. */
export function readClock(): string {
  checkCall(libc().clock_gettime(CLOCK_REALTIME, timespec), "clock_gettime");
  const second = new Date(Number(timespec[0]) * 1000).toISOString().slice(0, -".000Z".length);
  return `${second}.${String(timespec[1]).padStart(9, "0")}Z`;
}
