import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Beside, openBeside } from "../support/beside-oracle.ts";
import { ctrExecutable } from "../support/ctr.ts";
import { type FollowedEvents, followEvents, type PrintedEvent } from "../support/followed-events.ts";

/**
 * The same commands on both, while both tell what happens. What is told of one thing must be the same, in the same
 * order, with the same fields; between things the order is each one's own business (ours deletes a container's record
 * before its snapshot, the real one the other way round).
 */
const test = suite("events beside the real ctr");
let beside: Beside;
let theirs: FollowedEvents;
let ours: FollowedEvents;
const ending = new AsyncDisposableStack();

let probes = 0;
test.before(async () => {
  beside = ending.use(await openBeside());
  const { bench, oracle } = beside;
  const probe = (call: (...words: string[]) => Promise<unknown>) => () =>
    call("namespaces", "create", `probe${probes++}`);
  const file = (name: string) => bench.directory.join(name);
  const command = [...oracle.command, "events"];
  theirs = ending.use(await followEvents(command, file("theirs"), process.env, probe(oracle.ok)));
  ours = ending.use(
    await followEvents([ctrExecutable, "events"], file("ours"), bench.ctr.env, probe(bench.ctr.ok)),
  );
});
test.after(async () => {
  await ending.disposeAsync();
});

/** Both end alike. */
async function run(line: string): Promise<void> {
  const { bench, oracle } = beside;
  const words = line.split(" ").map((word) => (word === "IMAGE" ? bench.image : word.replaceAll("\t", " ")));
  const their = await oracle(...words);
  const our = await bench.ctr(...words);
  assert.is(our.code, their.code, `${line}: ${our.stderr}`);
}

/** Both have told of it. */
async function untilTold(topic: string, fields: Record<string, unknown>): Promise<void> {
  await theirs.until(topic, fields);
  await ours.until(topic, fields);
}

/** What both told of things whose name `isMeant`, by thing. */
function compare(isMeant: (name: string) => boolean, change: (told: string[]) => string[] = (told) => told) {
  const [their, our] = [theirs, ours].map((side) => change(toldOf(side.events(), isMeant)));
  assert.ok(their!.length > 0);
  assert.equal(our, their);
}

function toldOf(events: PrintedEvent[], isMeant: (name: string) => boolean): string[] {
  return events
    .map((one) => ({ ...one, name: nameOf(one) }))
    .filter(({ name }) => isMeant(name))
    .map(({ name, namespace, topic, event }) => {
      const where = topic.startsWith("/namespaces/") ? "" : namespaceOf(namespace);
      return `${name}: ${where} ${topic} ${JSON.stringify(comparable(event))}`;
    });
}

const namespaceOf = (namespace: string) =>
  [beside.oracle.namespace, beside.bench.ctr.namespace].includes(namespace) ? "here" : namespace;

/** The thing it is about; snapshots that are being unpacked have random keys. */
function nameOf({ topic, event }: PrintedEvent): string {
  const noun = topic.split("/")[1];
  const name = event.container_id ?? event.id ?? event.key ?? event.name ?? event.digest;
  return `${noun} ${String(name).replace(/^extract-\S+/, "extract")}`;
}

/** Without what two runs cannot have in common, and what only newer containerds tell. */
function comparable(event: Record<string, unknown>): object {
  const { snapshotter: _, ...told } = JSON.parse(
    JSON.stringify(event)
      .replaceAll(/"pid":\d+/g, '"pid":"PID"')
      .replaceAll(/"exited_at":"[^"]+Z"/g, '"exited_at":"TIME"')
      .replaceAll(/"(bundle)":"\/[^"]+"/g, '"$1":"PATH"')
      .replaceAll(/extract-\S+ /g, "extract ")
      // Ours does not sync the root filesystem of a run --rm.
      .replaceAll(',"volatile"', "")
      .replaceAll(/(\w+dir)=[^"]*\/(fs|work)"/g, '$1=PATH/$2"'),
  );
  // Where the streams go differs by design; whether there is a terminal does not.
  if (told.io) told.io = { terminal: told.io.terminal };
  return told;
}

const named =
  (...names: string[]) =>
  (name: string) =>
    names.includes(name.split(" ").slice(1).join(" "));

test("images, and the snapshots of their layers", async () => {
  for (const line of [
    "images pull IMAGE",
    "images pull IMAGE",
    "images tag IMAGE other:1",
    "images label other:1 a=b c=d",
    "images label other:1 a=",
    "images tag IMAGE other:1",
    "images rm other:1",
    "images rm nosuch",
  ]) {
    await run(line);
  }
  await untilTold("/images/delete", { name: "other:1" });
  compare(named("other:1", beside.bench.image));
  compare((name) => name.startsWith("snapshot extract"));
});

test("a container in the foreground, and one that cannot start", async () => {
  await run("run --rm IMAGE short sh -c exit\t3");
  await run("run --rm IMAGE wrong nosuch");
  for (const id of ["short", "wrong"]) {
    await untilTold("/containers/delete", { id });
    await untilTold("/snapshot/remove", { key: id });
  }
  await untilTold("/tasks/delete", { container_id: "short" });
  for (const noun of ["tasks", "containers", "snapshot"]) compare((name) => name === `${noun} short`);
  for (const noun of ["containers", "snapshot"]) compare((name) => name === `${noun} wrong`);
  assert.not.ok(ours.events().some(({ event }) => event.container_id === "wrong"));
});

test("a container in the background, with all that can be done to it", async () => {
  await run("run -d IMAGE web sleep 1000");
  await run("containers label web x=y");
  await run("tasks exec --exec-id good web true");
  await run("tasks exec -d --exec-id bad web sh -c exit\t4");
  await untilTold("/tasks/exit", { container_id: "web", id: "bad" });
  await run("tasks delete --exec-id bad web");
  await run("tasks exec --exec-id wrong web nosuch");
  await run("tasks pause web");
  await run("tasks resume web");
  await run("tasks kill -s KILL web");
  await untilTold("/tasks/exit", { container_id: "web", id: "web" });
  await run("tasks delete web");
  await run("tasks start -d --null-io web");
  await run("tasks delete -f web");
  await run("containers delete web");
  await untilTold("/containers/delete", { id: "web" });
  await untilTold("/snapshot/remove", { key: "web" });
  for (const noun of ["tasks", "containers", "snapshot"]) compare((name) => name === `${noun} web`);
});

test("a container that is created first, and stopped when it is deleted", async () => {
  await run("containers create IMAGE later sleep 1000");
  await run("tasks start -d later");
  await run("tasks kill -s KILL later");
  await untilTold("/tasks/exit", { container_id: "later", id: "later" });
  await run("containers delete later");
  await untilTold("/containers/delete", { id: "later" });
  await untilTold("/snapshot/remove", { key: "later" });
  for (const noun of ["tasks", "containers", "snapshot"]) compare((name) => name === `${noun} later`);
});

test("a container that eats all its memory", async () => {
  await run("run --rm --memory-limit 8388608 IMAGE eater sh -c x=a;while\ttrue;do\tx=$x$x;done");
  await untilTold("/tasks/delete", { container_id: "eater" });
  await untilTold("/tasks/oom", { container_id: "eater" });
  // Theirs comes from another place than the exit, and may be late.
  compare(
    (name) => name === "tasks eater",
    (told) => told.sort(),
  );
});

test("namespaces", async () => {
  await run("namespaces create space a=b");
  await run("namespaces create space a=b");
  await run("namespaces label space a=c");
  await run("namespaces label space a=");
  await run("namespaces remove space");
  await untilTold("/namespaces/delete", { name: "space" });
  compare(named("space"));
});

test("snapshots", async () => {
  for (const line of [
    "snapshots prepare work",
    "snapshots prepare work",
    "snapshots commit done work",
    "snapshots view look done",
    "snapshots prepare more done",
    "snapshots label done p=q",
    "snapshots rm done",
    "snapshots rm look",
    "snapshots rm more",
    "snapshots rm done",
  ]) {
    await run(line);
  }
  await untilTold("/snapshot/remove", { key: "done" });
  for (const key of ["work", "look", "more", "done"]) compare(named(key));
});

test("a filter that is none", async () => {
  for (const filter of ["topic==", "topic==/tasks/exit", "=", "event.id~"]) {
    const their = await beside.oracle("events", filter);
    const our = await beside.bench.ctr("events", filter);
    assert.is(our.code, their.code);
    const why = (text: string) => /filters: parse error: .*?(?=: invalid argument|\n)/.exec(text)?.[0];
    assert.ok(why(their.stderr), their.stderr);
    assert.is(why(our.stderr), why(their.stderr));
  }
});

test.run();
