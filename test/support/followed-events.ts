import { readFileSync } from "node:fs";
import { waitFor } from "./wait-for.ts";

/** One line of `ctr events`, the real one's or ours. */
export interface PrintedEvent {
  time: string;
  namespace: string;
  topic: string;
  event: Record<string, unknown>;
}

/** A `ctr events` that runs beside the test. */
export interface FollowedEvents extends AsyncDisposable {
  /** All so far; throws for a line that has not the real one's form. */
  events(): PrintedEvent[];
  /** Until one of that topic, and with these fields, has come. */
  until(topic: string, fields?: Record<string, unknown>): Promise<PrintedEvent>;
  /** Ends it by a signal, and answers its exit code. */
  end(signal?: "SIGINT" | "SIGTERM"): Promise<number>;
}

const LINE = /^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{0,8}[1-9])? \+0000 UTC) (\S+) (\/\S+) (\{.*\})$/;

export function parseEventLine(line: string): PrintedEvent {
  const [, time, namespace, topic, event] = LINE.exec(line) ?? [];
  if (!event) throw new Error(`not an event's line: ${line}`);
  return { time: time!, namespace: namespace!, topic: topic!, event: JSON.parse(event) };
}

/** Starts it with its output in `file`; `probe` makes some event, until the first is seen: then it is listening. */
export async function followEvents(
  command: string[],
  file: string,
  env: Record<string, string | undefined>,
  probe: () => Promise<unknown>,
): Promise<FollowedEvents> {
  const child = Bun.spawn(command, { stdin: "ignore", stdout: Bun.file(file), stderr: "inherit", env });
  const text = () => readFileSync(file, "utf8");
  const events = () => text().split("\n").slice(0, -1).map(parseEventLine);
  const end = async (signal: "SIGINT" | "SIGTERM" = "SIGTERM") => {
    child.kill(signal);
    return child.exited;
  };
  const isListening = async () => {
    await probe();
    return text() !== "";
  };
  await waitFor(isListening, { what: "the first event" });
  return {
    events,
    until: (topic, fields = {}) =>
      waitFor(
        () =>
          events().find(
            (one) =>
              one.topic === topic &&
              Object.entries(fields).every(([name, value]) => one.event[name] === value),
          ),
        { what: `${topic} ${JSON.stringify(fields)}` },
      ),
    end,
    [Symbol.asyncDispose]: async () => void (await end()),
  };
}
