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

/** As Go's `Time.String`, in UTC: `2006-01-02 15:04:05.999 +0000 UTC`. A text is RFC 3339 in UTC. */
export function formatGoTime(time: Date | string): string {
  const text = typeof time === "string" ? time : time.toISOString();
  return `${text.replace("T", " ").replace(/(?:(\.\d*[1-9])0*|\.0*)?Z$/, "$1")} +0000 UTC`;
}
