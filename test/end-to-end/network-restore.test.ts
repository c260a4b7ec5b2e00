import { chmodSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { criuMissing } from "../support/criu.ts";
import { ctrExecutable } from "../support/ctr.ts";
import { createStepKiller } from "../support/kill-at-step.ts";
import { mountsBelow } from "../support/mounts.ts";
import { bridgeNetwork, type NetworkLab, openNetworkLab, PLUGINS, SUBNET } from "../support/network-lab.ts";
import { processesNaming } from "../support/processes.ts";
import { startPty } from "../support/pty.ts";
import { waitFor } from "../support/wait-for.ts";

const GATEWAY = `${SUBNET}.1`;
const TIMEOUT_MS = 60_000;
/** Of the many steps of a restore. */
const KILLS = 12;
/** Counts, and says with each number which addresses it has, the loopback's among them. */
const WATCHER =
  "n=0; while :; do sleep 0.02; n=$((n+1)); echo $n $(ip -o -4 addr show | grep -o 'inet [0-9.]*'); done";

const SERVER = "echo it works >/tmp/page; exec httpd -f -p 80 -h /tmp";

let lab: NetworkLab;
let image: string;
const test = suite("containers restored into networks");
const missing = criuMissing();
if (missing !== undefined) console.log(`skipped: ${missing}`);
test.before(async () => {
  lab = await openNetworkLab();
  image = lab.bench.image;
});
test.after(async () => {
  await lab[Symbol.asyncDispose]();
});

/** Begins with the usual network, and leaves nothing in it. */
function check(name: string, work: () => Promise<void>): void {
  (missing === undefined ? test : test.skip)(name, async () => {
    lab.configure({ "10-lab.conflist": bridgeNetwork(lab) });
    await work();
    await assertNothingLeft();
  });
}

async function assertNothingLeft(): Promise<void> {
  for (const noun of ["tasks", "containers"]) assert.is(await lab.ok(noun, "list", "-q"), "", noun);
  assert.equal([lab.leases(), lab.records()], [{}, []]);
  assert.equal(mountsBelow(lab.bench.ctr.state), []);
}

let count = 0;

/** Of a container that is gone by then. */
async function checkpoint(flags: string[], ...command: string[]): Promise<string> {
  const ref = `saved:${++count}`;
  await lab.ok("run", "-d", ...flags, image, "original", ...command);
  if (command.includes(WATCHER)) await waitFor(async () => (await linesOf("original")).length > 2);
  if (command.includes(SERVER))
    await waitFor(async () =>
      (await lab.ok("tasks", "exec", "original", "netstat", "-tln")).includes(":80 "),
    );
  await lab.ok("containers", "checkpoint", "--image", "--rw", "--task", "original", ref);
  await remove("original");
  return ref;
}

const linesOf = async (id: string): Promise<string[]> =>
  (await lab.ok("tasks", "logs", id)).split("\n").filter(Boolean);
/** The first that it has begun: the one before may tell of what it saw when it was stopped. */
const firstLineOf = (id: string): Promise<string> =>
  waitFor(async () => (await linesOf(id))[1] ?? "", { what: "its second line", timeoutMs: TIMEOUT_MS });

async function remove(id: string): Promise<void> {
  await lab.ok("tasks", "delete", "--force", id);
  await lab.ok("containers", "delete", id);
}

const restore = (ref: string, ...flags: string[]) =>
  lab.ok("containers", "restore", "--rw", ...flags, "box", ref);

check("its processes find the network when they go on, and reach the gateway", async () => {
  const ref = await checkpoint(["--cni"], "sh", "-c", WATCHER);
  assert.is(await restore(ref, "--live", "--cni"), "");
  const address = Object.keys(lab.leases())[0]!;
  const [number, ...addresses] = (await firstLineOf("box")).split(" ");
  assert.ok(Number(number) > 2, "it goes on");
  assert.is(addresses.join(" "), `inet 127.0.0.1 inet ${address}`);
  await lab.ok("tasks", "exec", "box", "ping", "-c", "1", "-W", "5", GATEWAY);
  await remove("box");
});

check("a server answers at its new address", async () => {
  const ref = await checkpoint(["--cni"], "sh", "-c", SERVER);
  await restore(ref, "--live", "--cni");
  const url = `http://${Object.keys(lab.leases())[0]}/page`;
  const fetching = `console.log(await (await fetch(${JSON.stringify(url)})).text())`;
  assert.is(await lab.onHost(process.execPath, "-e", fetching), "it works\n\n");
  await remove("box");
});

check("it is in the network at each start to come, and out of it after each end", async () => {
  const ref = await checkpoint(["--cni"], "tail", "-f", "/dev/null");
  await restore(ref, "--live", "--cni");
  assert.is(Object.keys(lab.leases()).length, 1);
  await lab.ok("tasks", "kill", "-s", "KILL", "box");
  await waitFor(() => lab.records().length === 0, { what: "the end of the record", timeoutMs: TIMEOUT_MS });
  await lab.ok("tasks", "delete", "box");
  await lab.ok("tasks", "start", "-d", "box");
  assert.is(Object.keys(lab.leases()).length, 1);
  // As one that was never restored.
  await lab.ok("containers", "checkpoint", "--image", "--rw", "--task", "box", "again:1");
  await remove("box");
  await restore("again:1", "--live", "--cni");
  assert.is(Object.keys(lab.leases()).length, 1);
  await remove("box");
});

check("one that starts afresh is in the network, too", async () => {
  const ref = await checkpoint(["--cni"], "sh", "-c", WATCHER);
  await restore(ref, "--cni");
  assert.match(await firstLineOf("box"), new RegExp(`^2 inet 127.0.0.1 inet ${SUBNET}`));
  await remove("box");
});

check("without --cni a warning says what is missing; its loopback is up when it goes on", async () => {
  const ref = await checkpoint(["--cni"], "sh", "-c", WATCHER);
  for (const flags of [["--live"], []]) {
    const { code, stderr } = await lab.ctr("containers", "restore", ...flags, "box", ref);
    assert.is(code, 0, stderr);
    assert.is(
      stderr,
      "ctr: warning: it was in a network, and comes back without; --cni gives it this host's\n",
    );
    assert.match(await firstLineOf("box"), /^\d+ inet 127\.0\.0\.1$/);
    await remove("box");
  }
});

check(
  "a checkpoint cannot ask for a network; one that had none may be given it, without a word",
  async () => {
    const ref = await checkpoint([], "tail", "-f", "/dev/null");
    for (const [flags, leases] of [
      [[], 0],
      [["--cni"], 1],
    ] as const) {
      const { code, stderr } = await lab.ctr("containers", "restore", "--live", ...flags, "box", ref);
      assert.equal([code, stderr], [0, ""]);
      assert.is(Object.keys(lab.leases()).length, leases);
      await remove("box");
    }
  },
);

check("one whose root is another user has an address as well", async () => {
  const { path: directory } = lab.bench.directory;
  for (const path of [directory, dirname(directory)]) chmodSync(path, 0o711);
  const mapped = ["--uidmap", "0:100000:65536", "--gidmap", "0:100000:65536"];
  const ref = await checkpoint(["--cni", ...mapped], "sh", "-c", WATCHER);
  await restore(ref, "--live", "--cni");
  assert.match(await firstLineOf("box"), `inet ${SUBNET}.`);
  await remove("box");
});

check("with a terminal, too", async () => {
  const script = 'while read line; do ip -o -4 addr show eth0; [ "$line" != end ] || exit 7; done';
  const ref = await checkpoint(["-t", "--cni"], "sh", "-c", script);
  const words = ["containers", "restore", "--rw", "--live", "--cni", "box", ref];
  await using pty = startPty([...lab.entry, ctrExecutable, ...words], { env: lab.env });
  pty.write("hello\r");
  await pty.waitForOutput(`inet ${SUBNET}.`);
  pty.write("end\r");
  assert.is(await pty.exited, 7, pty.output());
  await lab.ok("containers", "delete", "box");
});

/** A chain whose second plugin is a script on addition. */
const addWith = (script: string): void => {
  lab.addPlugin("second", `[ "$CNI_COMMAND" = ADD ] || exit 0\n${script}`);
  lab.configure({ "10-lab.conflist": bridgeNetwork(lab, { more: [{ type: "second" }] }) });
};

check(
  "a plugin that fails, and a network that is not there, are told in one line, and nothing is left",
  async () => {
    const ref = await checkpoint(["--cni"], "tail", "-f", "/dev/null");
    const fails = async (words: RegExp) => {
      for (const live of [["--live"], []]) {
        const { code, stderr } = await lab.ctr("containers", "restore", ...live, "--cni", "box", ref);
        assert.is(code, 1);
        assert.match(stderr, words);
        assert.is(stderr.trim().split("\n").length, 1, stderr);
        await assertNothingLeft();
      }
    };
    addWith(`echo '{"code": 100, "msg": "no luck"}'; exit 1`);
    await fails(/^ctr: plugin type="second" failed \(add\): no luck: unknown\n/);
    lab.configure({});
    await fails(/^ctr: network configuration in .*: not found/);
  },
);

check("a restore that fails after the network was joined leaves it again", async () => {
  const ref = await checkpoint(["--cni"], "tail", "-f", "/dev/null");
  // What criu waits for is its first process.
  const end = `kill -9 "\${process#/proc/}"; until grep -q '^State:.Z' "$process/status"; do :; done`;
  const isIts = '[ "$process/ns/net" -ef "$CNI_NETNS" ]';
  addWith(`for process in /proc/[0-9]*; do ${isIts} && { ${end}; }; done; echo '{}'`);
  const { code, stderr } = await lab.ctr("containers", "restore", "--live", "--cni", "box", ref);
  assert.is(code, 1);
  assert.match(
    stderr,
    /^ctr: failed to create shim task: [^\n]*restore failed: [^\n]*hook[^\n]* has ended[^\n]*\n$/,
  );
});

check("a container in a network that others have is restored there, and not attached", async () => {
  for (const flags of [["--net-host"], ["--with-ns", `network:${lab.entry[1]!.replace("--net=", "")}`]]) {
    const ref = await checkpoint(flags, "tail", "-f", "/dev/null");
    const refused = await lab.ctr("containers", "restore", "--live", "--cni", "box", ref);
    assert.is(refused.code, 1);
    assert.match(refused.stderr, /^ctr: the container has no network namespace of its own: failed precond/);
    await assertNothingLeft();
    await restore(ref, "--live");
    const [own, hosts] = [
      await lab.ok("tasks", "exec", "box", "readlink", "/proc/self/ns/net"),
      await lab.onHost("readlink", "/proc/self/ns/net"),
    ];
    assert.is(own, hosts);
    await remove("box");
  }
});

check("a network namespace that a container joins is left as it is; a missing one is told", async () => {
  const netns = lab.bench.directory.join("netns", "pinned");
  writeFileSync(netns, "");
  await lab.onHost("unshare", `--net=${netns}`, "true");
  try {
    const ref = await checkpoint(["--with-ns", `network:${netns}`], "tail", "-f", "/dev/null");
    await restore(ref, "--live");
    assert.match(await lab.ok("tasks", "exec", "box", "ip", "link", "show", "lo"), "LOOPBACK> ");
    const inode = await lab.onHost("stat", "-c", "net:[%i]", netns);
    assert.is(await lab.ok("tasks", "exec", "box", "readlink", "/proc/self/ns/net"), inode);
    await remove("box");
    await lab.onHost("umount", netns);
    rmSync(netns);
    const { code, stderr } = await lab.ctr("containers", "restore", "--live", "box", ref);
    assert.is(code, 1);
    assert.match(stderr, netns);
    await assertNothingLeft();
  } finally {
    await lab.onHost("sh", "-c", `umount ${netns} 2>/dev/null || true`);
  }
});

/** Waits for a file before it adds, and tells of its beginning by another. */
function slowChain() {
  const [begun, goOn] = [lab.bench.directory.join("begun"), lab.bench.directory.join("go-on")];
  for (const path of [begun, goOn]) rmSync(path, { force: true });
  const wait = `echo > ${begun}; while [ ! -e ${goOn} ]; do sleep 0.01; done`;
  lab.addPlugin("slow", `[ "$CNI_COMMAND" = DEL ] || { ${wait}; }\nexec ${PLUGINS}/bridge`);
  const network = bridgeNetwork(lab);
  lab.configure({ "10-lab.conflist": { ...network, plugins: [{ ...network.plugins[0], type: "slow" }] } });
  const isThere = () => Bun.file(begun).exists();
  return {
    begun: () => waitFor(isThere, { what: "the plugin's beginning", timeoutMs: TIMEOUT_MS }),
    goOn: () => writeFileSync(goOn, ""),
  };
}

check("Ctrl-C beside a plugin gives a restore up, and leaves nothing", async () => {
  const ref = await checkpoint(["--cni"], "tail", "-f", "/dev/null");
  for (const flags of [["--live"], []]) {
    const slow = slowChain();
    const restoring = lab.start(["containers", "restore", ...flags, "--cni", "box", ref]);
    await slow.begun();
    restoring.kill("SIGINT");
    assert.is(await restoring.exited, 1);
    const words = await new Response(restoring.stderr).text();
    assert.is(words, 'ctr: plugin type="slow" failed (add): interrupted: canceled\n');
    await assertNothingLeft();
  }
});

const isFree = (): boolean => Object.keys(lab.leases()).length === 0 && lab.records().length === 0;

check("a restore whose client is killed beside a plugin is given up", async () => {
  const ref = await checkpoint(["--cni"], "tail", "-f", "/dev/null");
  const slow = slowChain();
  const restoring = lab.start(["containers", "restore", "--live", "--cni", "box", ref]);
  await slow.begun();
  restoring.kill("SIGKILL");
  await restoring.exited;
  await waitFor(async () => (await lab.ok("tasks", "list", "-q")) === "", { what: "the end of the task" });
  slow.goOn();
  await waitFor(isFree, { what: "the end of the lease", timeoutMs: TIMEOUT_MS });
  await lab.ok("containers", "delete", "box");
  await restore(ref, "--live", "--cni");
  await remove("box");
  await lab.ok("system", "check", "--repair");
});

check("a container whose restore waits for a plugin is not deleted meanwhile", async () => {
  const ref = await checkpoint(["--cni"], "tail", "-f", "/dev/null");
  const slow = slowChain();
  const restoring = lab.start(["containers", "restore", "--live", "--cni", "box", ref]);
  await slow.begun();
  const { code, stderr } = await lab.ctr("--timeout", "300ms", "containers", "delete", "box");
  assert.is(code, 1);
  assert.is(stderr, "ctr: context deadline exceeded\n");
  slow.goOn();
  assert.is(await restoring.exited, 0);
  assert.match(
    (await lab.ctr("containers", "delete", "box")).stderr,
    "cannot delete a non stopped container",
  );
  await remove("box");
});

check("a restore whose supervisor is killed beside a plugin fails, and leaves nothing", async () => {
  const ref = await checkpoint(["--cni"], "tail", "-f", "/dev/null");
  const slow = slowChain();
  const restoring = lab.start(["containers", "restore", "--live", "--cni", "box", ref]);
  await slow.begun();
  const supervisors = processesNaming(`/tasks/${lab.bench.ctr.namespace}/`).filter(({ command }) =>
    command.includes("_supervise"),
  );
  for (const { pid } of supervisors) process.kill(pid, "SIGKILL");
  slow.goOn();
  assert.is(await restoring.exited, 1);
  assert.match(await new Response(restoring.stderr).text(), /^ctr: [^\n]+\n$/);
  assert.equal(processesNaming(join(lab.bench.ctr.state, "tasks")), []);
});

check("a restore that is killed at any step can be cleared away and done again", async () => {
  const ref = await checkpoint(["--cni"], "tail", "-f", "/dev/null");
  const killer = createStepKiller(lab.bench.directory.path, { isClientAlone: true });
  const words = ["containers", "restore", "--live", "--cni", "box", ref];
  const command = [...lab.entry, lab.ctrExecutable, ...words];
  const clear = async () => {
    await lab.ctr("tasks", "delete", "--force", "box");
    await lab.ctr("containers", "delete", "box");
  };
  const steps = await killer.steps(command, lab.env);
  await clear();
  for (const step of steps.filter((_, at) => at % Math.ceil(steps.length / KILLS) === 0)) {
    await killer.killAt(step, command, lab.env);
    const what = `after one that was killed at ${step.call} ${step.count}`;
    // The supervisor may still be restoring what its client no longer waits for.
    const isCleared = async () => {
      await clear();
      return (await lab.ctr(...words)).code === 0;
    };
    await waitFor(isCleared, { what: `a restore ${what}`, timeoutMs: TIMEOUT_MS });
    assert.is(Object.keys(lab.leases()).length, 1, what);
    await clear();
    await waitFor(isFree, { what: `the end of the lease ${what}`, timeoutMs: TIMEOUT_MS });
  }
  await lab.ok("system", "check", "--repair");
});

test.run();
