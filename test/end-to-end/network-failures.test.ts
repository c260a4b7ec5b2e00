import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { mountsBelow } from "../support/mounts.ts";
import { bridgeNetwork, type NetworkLab, openNetworkLab } from "../support/network-lab.ts";
import { startPty } from "../support/pty.ts";
import { waitFor } from "../support/wait-for.ts";

let lab: NetworkLab;
let image: string;
const test = suite("networks that fail");
test.before(async () => {
  lab = await openNetworkLab();
  image = lab.bench.image;
});
test.after(async () => {
  await lab[Symbol.asyncDispose]();
});

async function assertNothingLeft(): Promise<void> {
  assert.equal([lab.leases(), lab.records()], [{}, []]);
  assert.equal(mountsBelow(lab.bench.ctr.state), []);
  for (const noun of ["tasks", "containers"]) assert.is(await lab.ok(noun, "list", "-q"), "", noun);
}

/** A chain whose second plugin is a script; addresses are taken before, and have to be free after. */
const chainWith = (script: string) => {
  lab.addPlugin("second", script);
  return { "10-lab.conflist": bridgeNetwork(lab, { more: [{ type: "second" }] }) };
};
const onAdd = (script: string): string => `[ "$CNI_COMMAND" = ADD ] || exit 0\n${script}`;

const valid = { cniVersion: "1.0.0", name: "x", plugins: [{ type: "loopback" }] };
const CONFIGURATIONS: [string, () => Record<string, object | string>, RegExp][] = [
  ["none", () => ({}), /network configuration in .*net\.d: not found \(write a \.conflist there/],
  ["no JSON", () => ({ "1.conflist": "{" }), /configuration .*1\.conflist: document is not JSON/],
  ["no object", () => ({ "1.conf": "[]" }), /document is not an object/],
  ["no name", () => ({ "1.conflist": { ...valid, name: "" } }), /name is not a name of letters/],
  ["a name that is a path", () => ({ "1.conflist": { ...valid, name: "../x" } }), /name is not a name of/],
  [
    "a version to come",
    () => ({ "1.conflist": { ...valid, cniVersion: "9.0.0" } }),
    /cniVersion is not a ver/,
  ],
  ["no plugins", () => ({ "1.conflist": { ...valid, plugins: [] } }), /plugins is not a list of plugins/],
  [
    "plugins that are none",
    () => ({ "1.conflist": { ...valid, plugins: ["x"] } }),
    /plugins\[0\] is not an obj/,
  ],
  ["no type", () => ({ "1.conf": { cniVersion: "1.0.0", name: "x" } }), /type is not the name of a plugin/],
  [
    "a plugin by a path",
    () => ({ "1.conflist": { ...valid, plugins: [{ type: "../sbin/reboot" }] } }),
    /plugins\[0\]\.type is not the name of a plugin/,
  ],
  [
    "a plugin that is not installed",
    () => ({ "10-lab.conflist": bridgeNetwork(lab, { more: [{ type: "absent" }] }) }),
    /^ctr: plugin type="absent" failed \(add\): failed to find plugin "absent" in path \[.*\]: not found \(install it/m,
  ],
  [
    "a plugin that does not like its configuration",
    () => ({ "10-lab.conflist": bridgeNetwork(lab, { bridge: { vlan: -1 } }) }),
    /^ctr: plugin type="bridge" failed \(add\): .*vlan/im,
  ],
  [
    "a plugin with words of its own",
    () =>
      chainWith(
        onAdd(`echo '{"code": 100, "msg": "no\\\\u001b[31m luck", "details": "at\\\\nall"}'; exit 1`),
      ),
    /^ctr: plugin type="second" failed \(add\): no \[31m luck; at all: unknown$/m,
  ],
  [
    "a plugin without words",
    () => chainWith(onAdd("exit 3")),
    /^ctr: plugin type="second" failed \(add\): exit status 3: unknown$/m,
  ],
  [
    "a plugin that says why on standard error",
    () => chainWith(onAdd("printf 'it\\033[31m broke\\n' >&2; exit 3")),
    /failed \(add\): exit status 3: "it\\u001b\[31m broke": unknown$/m,
  ],
  [
    "a plugin that is killed",
    () => chainWith(onAdd("kill -9 $$")),
    /failed \(add\): it was killed by SIGKILL: unavailable$/m,
  ],
  ["a plugin that answers nothing", () => chainWith(onAdd("exit 0")), /result of .*: document is not JSON/],
  [
    "a plugin that answers no JSON",
    () => chainWith(onAdd("echo done")),
    /result of .*: document is not JSON/,
  ],
  [
    "a plugin of another version",
    () => chainWith(onAdd(`echo '{"cniVersion": "9.0.0"}'`)),
    /result of plugin type="second": cniVersion is not a version of CNI that is known here \("9\.0\.0"\)/,
  ],
  [
    "a plugin whose answer is no result",
    () => chainWith(onAdd(`echo '{"ips": [{"interface": 7, "address": "10.0.0.1/8"}]}'`)),
    /ips\[0\]\.interface is not the number of an interface/,
  ],
  [
    "a plugin that never stops talking",
    () => chainWith(onAdd("exec yes")),
    /failed \(add\): it wrote more than 1048576 bytes: resource exhausted$/m,
  ],
  [
    "a plugin whose program is none",
    () => {
      const files = chainWith("");
      writeFileSync(lab.bench.directory.join("plugins/second"), "\0\0");
      return files;
    },
    /plugin type="second" failed \(add\)/,
  ],
];

const WAYS = ["--rm", "-d", "--null-io", "--rm=false"];

for (const [index, [name, files, words]] of CONFIGURATIONS.entries()) {
  const way = WAYS[index % WAYS.length]!;
  test(`${name}: one line says so, and nothing is left of run ${way}`, async () => {
    lab.configure(files());
    const { code, stdout, stderr } = await lab.ctr("run", "--cni", way, image, "box", "echo", "here");
    assert.equal([code, stdout], [1, ""], stderr);
    assert.match(stderr, words);
    assert.is(stderr.trim().split("\n").length, 1, stderr);
    await assertNothingLeft();
  });
}

test("a container that exists stays, when its network fails at its start", async () => {
  await lab.ok("containers", "create", "--cni", image, "box", "true");
  lab.configure(chainWith(onAdd("exit 1")));
  for (const flags of [[], ["-d"]]) {
    const { code, stderr } = await lab.ctr("tasks", "start", ...flags, "box");
    assert.is(code, 1);
    assert.match(stderr, 'plugin type="second" failed (add)');
    assert.is(await lab.ok("containers", "list", "-q"), "box\n");
    assert.is(await lab.ok("tasks", "list", "-q"), "");
    assert.equal([lab.leases(), lab.records()], [{}, []]);
  }
  await lab.ok("containers", "delete", "box");
});

test("a container in the host's network is refused, before any plugin can make something there", async () => {
  lab.configure({ "10-lab.conflist": bridgeNetwork(lab) });
  const both = await lab.ctr("run", "--rm", "--cni", "--net-host", image, "box", "true");
  assert.equal(
    [both.code, both.stderr],
    [1, "ctr: flags --cni and --net-host cannot be specified together\n"],
  );
  const names = async () =>
    [...(await lab.onHost("ip", "-o", "link")).matchAll(/^\d+: ([^:]+)/gm)].map(String);
  const before = await names();
  const namespace = `network:${lab.entry[1]!.replace("--net=", "")}`;
  const { code, stderr } = await lab.ctr(
    "run",
    "--rm",
    "--cni",
    "--with-ns",
    namespace,
    image,
    "box",
    "true",
  );
  assert.is(code, 1);
  assert.match(
    stderr,
    /^ctr: the container has no network namespace of its own: failed precondition \(leave out/,
  );
  assert.equal(await names(), before);
  await assertNothingLeft();
});

test("variables that mean nothing are refused", async () => {
  for (const [name, value] of [
    ["CNI_ARGS", "A"],
    ["CAP_ARGS", "[]"],
    ["CAP_ARGS", "{"],
  ] as const) {
    const { code, stderr } = await lab.with({ env: { [name]: value } })("run", "--cni", image, "box", "true");
    assert.equal([code, stderr.startsWith(`ctr: ${name} is not`)], [1, true], stderr);
  }
  await assertNothingLeft();
});

test("a plugin that does not let go: the run has its status, a warning is given, and repair finishes later", async () => {
  lab.configure(
    chainWith(`[ "$CNI_COMMAND" = DEL ] && { echo '{"code":1,"msg":"stuck"}'; exit 1; }; echo '{}'`),
  );
  const { code, stderr } = await lab.ctr("run", "--rm", "--cni", image, "box", "sh", "-c", "exit 7");
  assert.is(code, 7);
  const told = 'network of container "box": plugin type="second" failed (delete): stuck: unknown (once that';
  assert.match(stderr, `ctr: warning: the network was not left: ${told}`);
  assert.equal(lab.leases(), {}, "the others have let go");
  assert.is(lab.records().length, 1);
  const stuck = await lab.ctr("system", "check", "--repair");
  assert.is(stuck.code, 1);
  assert.match(stuck.stdout, /wrong +networks +\S+ +box/);
  assert.match(stuck.stderr, "stuck");
  chainWith("exit 0");
  const mended = await lab.ctr("system", "check", "--repair");
  assert.is(mended.code, 0, mended.stderr);
  assert.match(mended.stdout, /repaired +networks +\S+ +box/);
  await assertNothingLeft();
});

test("deleting fails with the words of a plugin that does not let go, and is finished by the next start", async () => {
  lab.configure(
    chainWith(`[ "$CNI_COMMAND" = DEL ] && { echo '{"code":1,"msg":"stuck"}'; exit 1; }; echo '{}'`),
  );
  await lab.ok("run", "-d", "--cni", image, "box", "sleep", "1000");
  const { code, stderr } = await lab.ctr("tasks", "delete", "--force", "box");
  assert.is(code, 1);
  assert.match(stderr, "stuck");
  assert.is(await lab.ok("tasks", "list", "-q"), "");
  chainWith(onAdd("echo '{}'"));
  await lab.ok("tasks", "start", "-d", "box");
  await lab.ok("tasks", "delete", "--force", "box");
  await lab.ok("containers", "delete", "box");
  await assertNothingLeft();
});

test("a record that cannot be read is told of", async () => {
  lab.configure({ "10-lab.conflist": bridgeNetwork(lab) });
  const record = join(lab.bench.ctr.root, "networks/damaged");
  await Bun.write(record, "{");
  const { code, stdout, stderr } = await lab.ctr("system", "check", "--repair");
  assert.is(code, 1);
  assert.match(stdout, /wrong +networks +- +damaged/);
  assert.match(stderr, `record of a network attachment ${record}: data loss (remove the file;`);
  await lab.ok("run", "--rm", "--cni", image, "box", "true");
  await Bun.file(record).delete();
  await assertNothingLeft();
});

/** Adds for ever, and tells so by a file. */
function hangingChain(): string {
  const begun = lab.bench.directory.join("begun");
  lab.configure(chainWith(onAdd(`trap '' INT TERM HUP; echo $$ > ${begun}; sleep 1000; sleep 1000`)));
  return begun;
}

const isThere = (path: string) => Bun.file(path).exists();

test("a plugin that hangs is ended by --timeout", async () => {
  const begun = hangingChain();
  const { code, stderr } = await lab.ctr("--timeout", "4s", "run", "--rm", "--cni", image, "box", "true");
  assert.equal([code, stderr], [1, "ctr: context deadline exceeded\n"]);
  assert.ok(await isThere(begun));
  await Bun.file(begun).delete();
  // On a busy machine the supervisor has to finish what there was no more time for.
  await waitFor(() => lab.records().length === 0, { what: "the end of the record", timeoutMs: 60_000 });
  await waitFor(async () => (await lab.ok("containers", "list", "-q")) === "", {
    what: "the container's end",
  });
  await assertNothingLeft();
});

for (const flags of [["--rm"], ["--rm", "--null-io"], ["-d"]]) {
  test(`run ${flags.join(" ")}: a plugin that hangs is ended by a signal, and what it has begun undone`, async () => {
    const begun = hangingChain();
    const running = lab.start(["run", "--cni", ...flags, image, "box", "true"]);
    await waitFor(() => isThere(begun), { what: "the plugin's beginning" });
    running.kill("SIGINT");
    assert.is(await running.exited, 1);
    const words = await new Response(running.stderr).text();
    assert.is(words, 'ctr: plugin type="second" failed (add): interrupted: canceled\n');
    await Bun.file(begun).delete();
    await assertNothingLeft();
  });
}

test("a container that gives itself out as a plugin at work is not ended with one", async () => {
  const begun = hangingChain();
  const running = lab.start(["run", "--rm", "--cni", image, "box", "true"]);
  await waitFor(() => isThere(begun), { what: "the plugin's beginning" });
  const [holder] = Object.values(lab.leases());
  const variables = [`CNI_CONTAINERID=${holder}`, "CNI_COMMAND=ADD"].flatMap((one) => ["--env", one]);
  await lab.ok("run", "-d", ...variables, image, "liar", "sleep", "1000");
  running.kill("SIGINT");
  assert.is(await running.exited, 1);
  assert.match(await lab.ok("tasks", "list"), /liar +\d+ +RUNNING/);
  await lab.ok("tasks", "delete", "--force", "liar");
  await lab.ok("containers", "delete", "liar");
  await Bun.file(begun).delete();
  await assertNothingLeft();
});

test("a plugin that hangs is ended by Ctrl-C at a terminal", async () => {
  const begun = hangingChain();
  const command = [...lab.entry, lab.ctrExecutable, "run", "--rm", "-t", "--cni", image, "box", "true"];
  await using pty = startPty(command, { env: lab.env });
  await waitFor(() => isThere(begun), { what: "the plugin's beginning" });
  pty.write("\x03");
  assert.is(await pty.exited, 1);
  assert.match(pty.output(), 'plugin type="second" failed (add): interrupted: canceled');
  await Bun.file(begun).delete();
  await assertNothingLeft();
});

test.run();
