import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ctrExecutable } from "../support/ctr.ts";
import { followEvents, type PrintedEvent, parseEventLine } from "../support/followed-events.ts";
import { processesNaming } from "../support/processes.ts";
import { waitFor } from "../support/wait-for.ts";
import { openWorkbench, type Workbench } from "../support/workbench.ts";

const EAT_MEMORY = "x=a; while true; do x=$x$x; done";

let bench: Workbench;
const test = suite("events");
test.before(async () => {
  bench = await openWorkbench();
});
test.after(async () => {
  await bench[Symbol.asyncDispose]();
});

let probes = 0;
function follow(...words: string[]) {
  const { ctr, directory } = bench;
  const file = directory.join(`events-${probes}`);
  const probe = () => ctr.ok("namespaces", "create", `probe${probes++}`);
  return followEvents([ctrExecutable, "events", ...words], file, ctr.env, probe);
}

const past = async (...words: string[]): Promise<PrintedEvent[]> =>
  (await bench.ctr.ok("events", "--no-follow", ...words)).split("\n").slice(0, -1).map(parseEventLine);

const topicsOf = (events: PrintedEvent[]) => events.map(({ topic }) => topic);

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  test(`go on until ${signal}, which is a good end`, async () => {
    await using events = await follow();
    await bench.ctr.ok("run", "--rm", bench.image, `until-${signal}`, "true");
    await events.until("/tasks/delete", { container_id: `until-${signal}` });
    assert.is(await events.end(signal), 0);
  });
}

test("tell of a container's life from its snapshot to its end, in the order of its parts", async () => {
  const { ctr, image } = bench;
  assert.is((await ctr("run", "--rm", image, "life", "sh", "-c", "exit 3")).code, 3);
  const events = await past("event.container_id==life", "event.id==life", "event.key==life");
  const of = (noun: string) => topicsOf(events).filter((topic) => topic.startsWith(noun));
  assert.equal(of("/tasks/"), ["/tasks/create", "/tasks/start", "/tasks/exit", "/tasks/delete"]);
  assert.equal(of("/containers/"), ["/containers/create", "/containers/delete"]);
  assert.equal(of("/snapshot/"), ["/snapshot/prepare", "/snapshot/remove"]);
  const [create, start, exit, deletion] = events.filter(({ topic }) => topic.startsWith("/tasks/"));
  const pid = create!.event.pid;
  assert.equal(start!.event, { container_id: "life", pid });
  const { exited_at } = exit!.event;
  assert.equal(exit!.event, { container_id: "life", id: "life", pid, exit_status: 3, exited_at });
  assert.equal(deletion!.event, { container_id: "life", pid, exit_status: 3, exited_at });
  assert.ok(events.every(({ namespace }) => namespace === ctr.namespace));
});

test("a container that was created tells of its start, and never of its end before", async () => {
  const { ctr, image, directory } = bench;
  await ctr.ok("run", "--rm", "--pid-file", directory.join("pid"), image, "two-steps", "true");
  const topics = topicsOf(await past("event.container_id==two-steps"));
  assert.equal(topics, ["/tasks/create", "/tasks/start", "/tasks/exit", "/tasks/delete"]);
});

test("are shown of all namespaces, whichever is asked for, and are selected by filters", async () => {
  const { ctr } = bench;
  await ctr.ok("namespaces", "create", "elsewhere", "a=b");
  const [line, ...rest] = (
    await ctr.ok("-n", "nowhere", "events", "--no-follow", "namespace==elsewhere")
  ).split("\n");
  assert.equal(rest, [""]);
  assert.match(line!, / elsewhere \/namespaces\/create \{"name":"elsewhere","labels":\{"a":"b"\}\}$/);
  assert.equal(await past("namespace==nosuch"), []);
  const { code, stdout, stderr } = await ctr("events", "topic==");
  assert.is(code, 1);
  assert.is(stdout, "");
  assert.match(stderr, /^ctr: failed parsing subscription filters: filters: parse error: .*\n$/);
});

test("print JSON a line, and characters that Go escapes as Go does", async () => {
  const { ctr } = bench;
  await ctr.ok("namespaces", "create", "escaped", "a=<&>");
  const line = await ctr.ok("events", "--no-follow", "-o", "json", "namespace==escaped");
  assert.match(line, /"labels":\{"a":"\\u003c\\u0026\\u003e"\}/);
  const { timestamp, ...event } = JSON.parse(line);
  assert.match(timestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
  assert.equal(event, {
    namespace: "escaped",
    topic: "/namespaces/create",
    event: { name: "escaped", labels: { a: "<&>" } },
  });
});

test("are shown between times, in whichever way these are written", async () => {
  const { ctr } = bench;
  for (const name of ["first", "second", "third"]) {
    await ctr.ok("namespaces", "create", name);
    // Times are told apart by their milliseconds.
    await waitFor(async () => Date.now() > Date.parse(await timeOf(name)) + 1);
  }
  const second = await timeOf("second");
  const inSeconds = `${Date.parse(second) / 1000}`;
  const shown = async (...words: string[]) =>
    (await past(...words, "namespace==first", "namespace==second", "namespace==third")).map(
      ({ namespace }) => namespace,
    );
  for (const time of [second, inSeconds, second.replace("T", " ").replace("Z", " +0000 UTC")]) {
    assert.equal(await shown("--since", time), ["second", "third"], time);
  }
  assert.equal(await shown("--until", second), ["first"]);
  assert.equal(await shown("--since", "1h"), ["first", "second", "third"]);
  assert.equal(await shown("--until", "1h"), []);
  const following = await ctr.ok("events", "--since", second, "--until", "0s", "namespace==second");
  assert.is(parseEventLine(following.trimEnd()).namespace, "second");
  const { code, stderr } = await ctr("events", "--since", "yesterday");
  assert.is(code, 1);
  assert.match(stderr, /invalid value "yesterday" for flag -since: must be a time or a duration/);
});

/** To the millisecond. */
async function timeOf(namespace: string): Promise<string> {
  const line = await bench.ctr.ok("events", "--no-follow", "-o", "json", `namespace==${namespace}`);
  return JSON.parse(line).timestamp.replace(/\d{6}Z$/, "Z");
}

test("say nothing when nobody reads any more", async () => {
  const { ctr } = bench;
  const events = ctr.start(["events", "--since", "1h"]);
  const reader = events.stdout.getReader();
  await reader.read();
  await reader.cancel();
  const probe = async () => {
    await ctr.ok("namespaces", "create", `nobody${probes++}`);
    return events.exitCode !== null || events.signalCode !== null;
  };
  await waitFor(probe, { what: "the end of a command that writes to nobody" });
  assert.is(events.exitCode, 141);
  assert.is(await new Response(events.stderr).text(), "");
});

test("tell what a collection removes", async () => {
  const { ctr, image } = bench;
  await ctr.ok("images", "tag", image, "other:1");
  await ctr.ok("-n", "collected", "images", "pull", image);
  await ctr.ok("-n", "collected", "images", "delete", "--sync", image);
  const topics = topicsOf(await past("namespace==collected"));
  const count = (topic: string) => topics.filter((one) => one === topic).length;
  assert.is(count("/images/delete"), 1);
  assert.is(count("/content/create"), 3);
  assert.is(count("/content/delete"), 3);
  assert.is(count("/snapshot/remove"), 1);
});

test("tell of want of memory as it happens, and before the end it brings", async () => {
  const { ctr, image } = bench;
  await using events = await follow();
  const limit = ["--memory-limit", "8388608"];
  assert.is((await ctr("run", "--rm", ...limit, image, "eater", "sh", "-c", EAT_MEMORY)).code, 137);
  const topics = topicsOf(await past("event.container_id==eater"));
  assert.equal(topics, ["/tasks/create", "/tasks/start", "/tasks/oom", "/tasks/exit", "/tasks/delete"]);

  const survivor = `sh -c '${EAT_MEMORY}'; exec sleep 1000`;
  await ctr.ok("run", "-d", ...limit, image, "survivor", "sh", "-c", survivor);
  await events.until("/tasks/oom", { container_id: "survivor" });
  assert.match(await ctr.ok("tasks", "list"), /survivor .*RUNNING/);
  await ctr.ok("tasks", "delete", "--force", "survivor");
  assert.is(
    topicsOf(await past("event.container_id==survivor", "topic==x")).filter((topic) => topic === "/tasks/oom")
      .length,
    1,
  );
});

test("tell of want of memory once a second, however often there is", async () => {
  const { ctr, image } = bench;
  const often = `for i in 1 2 3 4 5 6 7 8 9; do sh -c '${EAT_MEMORY}'; done; exit 0`;
  const limit = ["--memory-limit", "8388608"];
  assert.is((await ctr("run", "--rm", ...limit, image, "greedy", "sh", "-c", often)).code, 0);
  const events = await past("event.container_id==greedy", "topic==x");
  const times = events
    .filter(({ topic }) => topic === "/tasks/oom")
    .map(({ time }) => Date.parse(time.replace(" +0000 UTC", "Z").replace(" ", "T")));
  assert.ok(times.length > 0);
  // The last one is told at the end, whenever that is.
  const gaps = times.slice(1, -1).map((time, at) => time - times[at]!);
  assert.ok(
    gaps.every((gap) => gap >= 990),
    gaps.join(" "),
  );
});

test("tell of want of memory also where it ended the container before anybody could watch", async () => {
  const { ctr, image, directory } = bench;
  const cgroups = ["/sys/fs/cgroup/memory", "/sys/fs/cgroup"].map(
    (root) => `${root}/${ctr.namespace}/early*`,
  );
  const slow = directory.join("slow-runc");
  const script = `#!/bin/sh
runc "$@"; code=$?
case " $* " in *" run "*)
  until grep -qs "^oom_kill [1-9]" ${cgroups[0]}/memory.oom_control ${cgroups[1]}/memory.events &&
    [ -z "$(cat ${cgroups[0]}/cgroup.procs ${cgroups[1]}/cgroup.procs 2>/dev/null)" ]; do :; done
esac
exit $code
`;
  writeFileSync(slow, script, { mode: 0o755 });
  const flags = ["--rm", "--memory-limit", "8388608", "--runc-binary", slow];
  assert.is((await ctr("run", ...flags, image, "early", "sh", "-c", EAT_MEMORY)).code, 137);
  const topics = topicsOf(await past("event.container_id==early"));
  assert.equal(topics, ["/tasks/create", "/tasks/start", "/tasks/oom", "/tasks/exit", "/tasks/delete"]);
});

test("tell the end of a container whose supervisor was killed once, by whoever removes it", async () => {
  const { ctr, image } = bench;
  await ctr.ok("run", "-d", image, "orphan", "sleep", "1000");
  const [supervisor] = processesNaming(join(ctr.state, "tasks", ctr.namespace, "orphan")).filter(
    ({ command }) => command.includes("_supervise"),
  );
  process.kill(supervisor!.pid, "SIGKILL");
  await ctr.ok("tasks", "kill", "--signal", "KILL", "orphan");
  await waitFor(async () => (await ctr.ok("tasks", "list")).includes("STOPPED"));
  assert.not.ok(topicsOf(await past("event.container_id==orphan")).includes("/tasks/exit"));
  await Promise.all([ctr("tasks", "delete", "orphan"), ctr("tasks", "delete", "orphan")]);
  const ends = (await past("event.container_id==orphan")).slice(2);
  assert.equal(topicsOf(ends), ["/tasks/exit", "/tasks/delete"]);
  assert.ok(ends.every(({ event }) => event.exit_status === 255));
});

test.run();
