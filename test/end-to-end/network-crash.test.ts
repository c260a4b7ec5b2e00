import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { createStepKiller } from "../support/kill-at-step.ts";
import { mountsBelow, unmountBelow } from "../support/mounts.ts";
import { bridgeNetwork, type NetworkLab, openNetworkLab, PLUGINS, SUBNET } from "../support/network-lab.ts";
import { processesNaming } from "../support/processes.ts";
import { waitFor } from "../support/wait-for.ts";

const KILLED = 137;
const SPY = join(import.meta.dirname, "../fixtures/network/spy-plugin.ts");

let lab: NetworkLab;
let image: string;
const test = suite("killed beside a network");
test.before(async () => {
  lab = await openNetworkLab();
  image = lab.bench.image;
});
test.after(async () => {
  await lab[Symbol.asyncDispose]();
});

const isFree = (): boolean => Object.keys(lab.leases()).length === 0 && lab.records().length === 0;
/** Long for a busy machine, and for the patience with a plugin that hangs. */
const PATIENCE_MS = 60_000;
const freed = (what = "the end of the lease") => waitFor(isFree, { what, timeoutMs: PATIENCE_MS });

async function isMended(): Promise<boolean> {
  return (await lab.ctr("system", "check", "--repair")).code === 0;
}

async function remove(id: string): Promise<void> {
  await lab.ctr("tasks", "delete", "--force", id);
  await lab.ctr("containers", "delete", id);
}

async function assertNothingLeft(): Promise<void> {
  assert.equal([lab.leases(), lab.records()], [{}, []]);
  assert.equal(mountsBelow(join(lab.bench.ctr.state, "netns")), []);
  for (const noun of ["tasks", "containers"]) assert.is(await lab.ok(noun, "list", "-q"), "", noun);
}

const supervisors = () => processesNaming(`/tasks/${lab.bench.ctr.namespace}/`);

async function killSupervisor(): Promise<void> {
  const [supervisor] = supervisors();
  process.kill(supervisor!.pid, "SIGKILL");
  await waitFor(() => supervisors().length === 0, { what: "the supervisor's end", timeoutMs: PATIENCE_MS });
}

const pidOf = async (id: string): Promise<number> =>
  JSON.parse(await lab.ok("tasks", "list", "-o", "json")).find((task: { id: string }) => task.id === id).pid;

for (const flags of [["--rm"], ["-d"]]) {
  test(`run ${flags}: whatever its client has come to, addresses are given back`, async () => {
    lab.configure({ "10-lab.conflist": bridgeNetwork(lab) });
    const killer = createStepKiller(lab.bench.directory.path, { isClientAlone: true });
    const words = [...lab.entry, lab.ctrExecutable, "run", "--cni", ...flags, image, "box", "true"];
    const steps = await killer.steps(words, lab.env);
    await remove("box");
    let kills = 0;
    // Each takes seconds, and neighbours are much alike.
    const taken = steps.filter((_, index) => index % 3 === 0);
    for (const step of taken) {
      if ((await killer.killAt(step, words, lab.env)).code === KILLED) kills++;
      const at = `${step.call} ${step.count}`;
      await waitFor(isMended, { what: `a repair after ${at}`, timeoutMs: PATIENCE_MS });
      await remove("box");
      await freed(`the end of the lease after ${at}`);
    }
    assert.ok(kills >= taken.length * 0.7, `${kills} kills in ${taken.length} steps`);
    await assertNothingLeft();
  });
}

/** Waits for a file before it does as it is told, and tells of its beginning by another. */
function slowChain(command: "ADD" | "DEL" = "ADD") {
  const [begun, goOn] = [lab.bench.directory.join("begun"), lab.bench.directory.join("go-on")];
  for (const path of [begun, goOn]) rmSync(path, { force: true });
  const wait = `echo > ${begun}; while [ ! -e ${goOn} ]; do sleep 0.01; done`;
  lab.addPlugin("slow", `[ "$CNI_COMMAND" != ${command} ] || { ${wait}; }\nexec ${PLUGINS}/bridge`);
  const network = bridgeNetwork(lab);
  lab.configure({ "10-lab.conflist": { ...network, plugins: [{ ...network.plugins[0], type: "slow" }] } });
  return { begun: () => Bun.file(begun).exists(), goOn: () => writeFileSync(goOn, "") };
}

for (const flags of [["--rm"], ["-d"], ["--rm=false"]]) {
  test(`run ${flags}: a plugin that was left alone by its client takes no address after all was given back`, async () => {
    const slow = slowChain();
    const running = lab.start(["run", "--cni", ...flags, image, "box", "sleep", "1000"]);
    await waitFor(slow.begun, { what: "the plugin's beginning", timeoutMs: PATIENCE_MS });
    running.kill("SIGKILL");
    await running.exited;
    // The supervisor takes the task away, which nobody will start, and has the network left when the plugin is done.
    await waitFor(async () => (await lab.ok("tasks", "list", "-q")) === "", {
      what: "the end of the task",
      timeoutMs: PATIENCE_MS,
    });
    slow.goOn();
    await freed();
    await remove("box");
    await assertNothingLeft();
  });
}

test("a namesake that plugins cannot tell from a container that is still being added is refused, and it goes on", async () => {
  const { namespace } = lab.bench.ctr;
  const elsewhere = ["-n", `${namespace}-b`];
  await lab.bench.ctr.ok(...elsewhere, "images", "pull", image);
  const slow = slowChain();
  const running = lab.start(["run", "--rm", "--cni", image, "b-c", "true"]);
  await waitFor(slow.begun, { what: "the plugin's beginning", timeoutMs: PATIENCE_MS });
  const { code, stderr } = await lab.ctr(...elsewhere, "run", "--rm", "--cni", image, "c", "true");
  assert.is(code, 1);
  assert.match(stderr, `network attachment of container b-c in namespace ${namespace}: already exists`);
  slow.goOn();
  assert.is(await running.exited, 0, await new Response(running.stderr).text());
  await lab.bench.ctr.ok(...elsewhere, "images", "rm", "--sync", image);
  await assertNothingLeft();
});

test("deleting a task that is still being added ends its plugin", async () => {
  const slow = slowChain();
  const running = lab.start(["run", "--cni", "-d", image, "box", "sleep", "1000"]);
  await waitFor(slow.begun, { what: "the plugin's beginning", timeoutMs: PATIENCE_MS });
  await lab.ok("tasks", "delete", "--force", "box");
  assert.is(await running.exited, 1);
  const words = await new Response(running.stderr).text();
  assert.is(words, 'ctr: plugin type="slow" failed (add): it was killed by SIGKILL: unavailable\n');
  await assertNothingLeft();
});

test("a plugin that was left alone and hangs is ended", async () => {
  const slow = slowChain();
  const running = lab.start(["run", "--rm", "--cni", image, "box", "sleep", "1000"]);
  await waitFor(slow.begun, { what: "the plugin's beginning", timeoutMs: PATIENCE_MS });
  running.kill("SIGKILL");
  await freed();
  await waitFor(() => processesNaming(join(lab.bench.directory.path, "plugins/slow")).length === 0);
  await waitFor(async () => (await lab.ok("containers", "list", "-q")) === "", {
    what: "the end of the container",
  });
  await assertNothingLeft();
});

/** In the foreground; answers when its task runs. */
async function startBox(flags: readonly string[]) {
  const running = lab.start(["run", "--cni", ...flags, image, "box", "sleep", "1000"]);
  await waitFor(async () => /box +\d+ +RUNNING/.test(await lab.ok("tasks", "list")), {
    what: "the task",
    timeoutMs: PATIENCE_MS,
  });
  return running;
}

test("a task whose client was killed gives its address back when it ends", async () => {
  lab.configure({ "10-lab.conflist": bridgeNetwork(lab) });
  for (const flags of [["--rm"], []]) {
    const running = await startBox(flags);
    running.kill("SIGKILL");
    await running.exited;
    assert.is(Object.keys(lab.leases()).length, 1);
    await lab.ok("tasks", "kill", "-s", "KILL", "box");
    await freed();
    await remove("box");
    await assertNothingLeft();
  }
});

test("a client that nobody listens to any more gives the address back", async () => {
  lab.configure({ "10-lab.conflist": bridgeNetwork(lab) });
  const running = lab.start(["run", "--rm", "--cni", image, "box", "sh", "-c", "while :; do echo y; done"]);
  const reader = running.stdout.getReader();
  await reader.read();
  await reader.cancel();
  await running.exited;
  await freed();
  await waitFor(async () => (await lab.ok("containers", "list", "-q")) === "", {
    what: "the end of the container",
  });
  await assertNothingLeft();
});

test("without supervisor, deleting the task gives the address back", async () => {
  lab.configure({ "10-lab.conflist": bridgeNetwork(lab) });
  await lab.ok("run", "-d", "--cni", image, "box", "sleep", "1000");
  await killSupervisor();
  assert.is(await isMended(), true, "what runs is no leftover");
  assert.is(Object.keys(lab.leases()).length, 1);
  await lab.ok("tasks", "delete", "--force", "box");
  await lab.ok("containers", "delete", "box");
  await assertNothingLeft();
});

test("a client whose supervisor was killed gives the address back at the end of its container", async () => {
  lab.configure({ "10-lab.conflist": bridgeNetwork(lab) });
  for (const flags of [["--rm"], []]) {
    const running = await startBox(flags);
    await killSupervisor();
    await lab.ok("tasks", "kill", "-s", "KILL", "box");
    assert.is(await running.exited, 255);
    assert.ok(isFree());
    await remove("box");
    await assertNothingLeft();
  }
});

/** A container in the network that has ended, and nobody was there to see it. */
async function forgetBox(): Promise<void> {
  await lab.ok("run", "-d", "--cni", image, "box", "sleep", "1000");
  await killSupervisor();
  await lab.ok("tasks", "kill", "-s", "KILL", "box");
  await waitFor(async () => /box +\d+ +STOPPED/.test(await lab.ok("tasks", "list")), {
    what: "its end",
    timeoutMs: PATIENCE_MS,
  });
}

test("without supervisor and with its container dead, check says so, and it is given back beside the next container's start", async () => {
  lab.configure({ "10-lab.conflist": bridgeNetwork(lab) });
  await forgetBox();
  const { code, stdout } = await lab.ctr("system", "check");
  assert.is(code, 1);
  assert.match(stdout, /wrong +networks +\S+ +box/);
  assert.match(await lab.ok("system", "prune", "--dry-run"), /network/);
  await lab.ok("run", "--rm", "--cni", image, "other", "true");
  await freed();
  await remove("box");
  await assertNothingLeft();
});

test("the last address is taken from a container that was forgotten", async () => {
  const ranges = [[{ subnet: `${SUBNET}.0/24`, rangeStart: `${SUBNET}.9`, rangeEnd: `${SUBNET}.9` }]];
  const { plugins, ...list } = bridgeNetwork(lab);
  const [bridge] = plugins as { ipam: object }[];
  lab.configure({
    "10-lab.conflist": { ...list, plugins: [{ ...bridge, ipam: { ...bridge!.ipam, ranges } }] },
  });
  await forgetBox();
  assert.equal(Object.keys(lab.leases()), [`${SUBNET}.9`]);
  const shown = await lab.ok(
    "run",
    "--rm",
    "--cni",
    image,
    "other",
    "ip",
    "-o",
    "-4",
    "addr",
    "show",
    "eth0",
  );
  assert.match(shown, `inet ${SUBNET}.9/`);
  await lab.ok("run", "-d", "--cni", image, "other", "sleep", "1000");
  const { code, stderr } = await lab.ctr("run", "--rm", "--cni", image, "third", "true");
  assert.is(code, 1, "from one that lives, it is not");
  assert.match(stderr, 'plugin type="bridge" failed (add): failed to allocate for range 0: no IP addresses');
  await remove("other");
  await remove("box");
  await assertNothingLeft();
});

test("a container that was forgotten, and whose plugin is slow to let go, holds up no other's start", async () => {
  const slow = slowChain("DEL");
  await forgetBox();
  await lab.ok("run", "-d", "--cni", image, "other", "sleep", "1000");
  await waitFor(slow.begun, { what: "the plugin's beginning", timeoutMs: PATIENCE_MS });
  await lab.ok("run", "--rm", "--null-io", image, "third", "true");
  slow.goOn();
  await waitFor(() => lab.records().length === 1, { what: "the end of the record", timeoutMs: PATIENCE_MS });
  await remove("other");
  await remove("box");
  await assertNothingLeft();
});

test("after a reboot, starting the container again or a repair gives its old address back", async () => {
  const log = lab.bench.directory.join("spied");
  lab.addPlugin("spy", `exec ${process.execPath} ${SPY} ${log}`);
  lab.configure({ "10-lab.conflist": bridgeNetwork(lab, { more: [{ type: "spy", label: "spy" }] }) });
  for (const words of [
    ["tasks", "start", "-d", "box"],
    ["system", "check", "--repair"],
    ["system", "prune"],
  ]) {
    await lab.ok("run", "-d", "--cni", image, "box", "sleep", "1000");
    const lease = lab.leases();
    await reboot("box");
    assert.equal(lab.leases(), lease, "the plugin's files have survived");
    rmSync(log);
    await lab.ok(...words);
    assert.not.equal(lab.leases(), lease);
    const { config, env } = JSON.parse(readFileSync(log, "utf8").split("\n")[0]!);
    assert.equal([env.CNI_COMMAND, env.CNI_NETNS], ["DEL", ""], "there is no namespace any more");
    assert.is(`${config.prevResult.ips[0].address}`, `${Object.keys(lease)[0]}/24`);
    await remove("box");
    await assertNothingLeft();
  }
});

/** All processes end, the state directory is gone, and so are namespaces; the kernel calls itself by another name. */
async function reboot(id: string): Promise<void> {
  const pid = await pidOf(id);
  await killSupervisor();
  process.kill(pid, "SIGKILL");
  await waitFor(async () => /STOPPED/.test(await lab.ok("tasks", "list")), {
    what: "the container's end",
    timeoutMs: PATIENCE_MS,
  });
  unmountBelow(lab.bench.ctr.state);
  rmSync(lab.bench.ctr.state, { recursive: true });
  const record = join(lab.bench.ctr.root, "networks", lab.records()[0]!);
  const known = JSON.parse(readFileSync(record, "utf8"));
  writeFileSync(record, JSON.stringify({ ...known, process: { ...known.process, bootId: "another" } }));
}

test("many at once have an address each, and leave none", async () => {
  lab.configure({ "10-lab.conflist": bridgeNetwork(lab) });
  const shown = await Promise.all(
    Array.from({ length: 8 }, (_, index) =>
      lab.ok("run", "--rm", "--cni", image, `box${index}`, "ip", "-o", "-4", "addr", "show", "eth0"),
    ),
  );
  const addresses = shown.map((text) => /inet ([\d.]+)/.exec(text)?.[1]);
  assert.is(new Set(addresses).size, 8, addresses.join(" "));
  await assertNothingLeft();
});

test.run();
