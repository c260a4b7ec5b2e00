import type { Envelope } from "../../core/events.ts";
import { compactJson } from "./json.ts";
import { formatGoTime } from "./times.ts";

/** A line as the real ctr prints it: Go's words for the time, namespace, topic, and what is told in JSON. */
export function formatEvent({ timestamp, namespace, topic, event }: Envelope): string {
  return `${formatGoTime(timestamp)} ${namespace} ${topic} ${compactJson(event)}\n`;
}
