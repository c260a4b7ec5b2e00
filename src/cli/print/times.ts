/** RFC 3339 in the caller's time zone, to the second. */
export function formatLocalTime(time: Date): string {
  const offset = -time.getTimezoneOffset();
  const local = new Date(time.getTime() + offset * 60_000).toISOString().slice(0, 19);
  if (offset === 0) return `${local}Z`;
  const size = Math.abs(offset);
  return `${local}${offset < 0 ? "-" : "+"}${twoDigits(Math.floor(size / 60))}:${twoDigits(size % 60)}`;
}

/** RFC 3339 in UTC without trailing zeros in the fraction, as Go writes times into JSON. */
export function formatTime(time: Date): string {
  return time.toISOString().replace(/\.?0*Z$/, "Z");
}

const twoDigits = (value: number): string => String(value).padStart(2, "0");

/** As Go's `Time.String`, in UTC: `2006-01-02 15:04:05.999 +0000 UTC`. */
export function formatGoTime(time: Date): string {
  return `${formatTime(time).replace("T", " ").replace(/Z$/, "")} +0000 UTC`;
}
