/** RFC 3339 in UTC without trailing zeros in the fraction, as Go writes times into JSON. */
export function formatTime(time: Date): string {
  return time.toISOString().replace(/\.?0*Z$/, "Z");
}
