import { chmodSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { createCtr, ctrExecutable } from "../support/ctr.ts";
import { mountsBelow } from "../support/mounts.ts";
import { bridgeNetwork, type NetworkLab, openNetworkLab, PLUGINS, SUBNET } from "../support/network-lab.ts";
import { startPty } from "../support/pty.ts";
import { run } from "../support/run-program.ts";
import { waitFor } from "../support/wait-for.ts";

const GATEWAY = `${SUBNET}.1`;
const SPY = join(import.meta.dirname, "../fixtures/network/spy-plugin.ts");

let lab: NetworkLab;
let image: string;
const test = suite("containers in networks");
test.before(async () => {
  lab = await openNetworkLab();
  image = lab.bench.image;
});
test.after(async () => {
  await lab[Symbol.asyncDispose]();
});

/** Begins with the usual network, and leaves nothing in it. */
function check(name: string, work: () => Promise<void>): void {
  test(name, async () => {
    lab.configure({ "10-lab.conflist": bridgeNetwork(lab) });
    await work();
    assert.equal([lab.leases(), lab.records()], [{}, []]);
    assert.equal(mountsBelow(join(lab.bench.ctr.state, "netns")), []);
  });
}

const addressOf = (id: string): string =>
  Object.entries(lab.leases()).find(([, holder]) =>
    holder.startsWith(`${lab.bench.ctr.namespace}-${id}--`),
  )![0];

async function remove(...ids: string[]): Promise<void> {
  await lab.ok("tasks", "delete", "--force", ...ids);
  await lab.ok("containers", "delete", ...ids);
}

check("a container has an address, a route and a loopback, and reaches the gateway", async () => {
  const script = `ip -o -4 addr show; ip route; ping -c 1 -W 5 ${GATEWAY}; ping -c 1 127.0.0.1`;
  const { code, stdout, stderr } = await lab.ctr("run", "--rm", "--cni", image, "one", "sh", "-c", script);
  assert.equal([code, stderr], [0, ""]);
  assert.match(stdout, new RegExp(`eth0 +inet ${SUBNET}\\.\\d+/24`));
  assert.match(stdout, /lo +inet 127\.0\.0\.1\/8/);
  assert.match(stdout, `default via ${GATEWAY} dev eth0`);
  assert.is(stdout.match(/ 0% packet loss/g)?.length, 2);
});

check("without --cni, there is a loopback and nothing else", async () => {
  const names = await lab.ok("run", "--rm", image, "alone", "ls", "/sys/class/net");
  assert.is(names, "lo\n");
});

check("two containers reach each other; their addresses are in the list of tasks", async () => {
  for (const id of ["left", "right"]) await lab.ok("run", "-d", "--cni", image, id, "sleep", "1000");
  await lab.ok("tasks", "exec", "left", "ping", "-c", "1", "-W", "5", addressOf("right"));
  await lab.ok("tasks", "exec", "right", "ping", "-c", "1", "-W", "5", addressOf("left"));
  const tasks: { id: string; addresses: object[] }[] = JSON.parse(
    await lab.ok("tasks", "list", "-o", "json"),
  );
  assert.equal(
    tasks.map(({ id, addresses }) => ({ id, addresses })),
    ["left", "right"].map((id) => ({
      id,
      addresses: [{ interface: "eth0", address: `${addressOf(id)}/24` }],
    })),
  );
  await remove("left", "right");
});

check("the address of a detached task is free when it has ended, before anybody deletes it", async () => {
  await lab.ok("run", "-d", "--cni", image, "brief", "true");
  await waitFor(() => Object.keys(lab.leases()).length === 0, { what: "the end of the lease" });
  assert.match(await lab.ok("tasks", "list"), /brief +\d+ +STOPPED/);
  await waitFor(() => lab.records().length === 0, { what: "the end of the record" });
  await remove("brief");
});

check("a container that was created with --cni is in the network at each start", async () => {
  await lab.ok("containers", "create", "--cni", image, "again", "ip", "-o", "-4", "addr", "show", "eth0");
  const { Extensions } = JSON.parse(await lab.ok("containers", "info", "again"));
  assert.equal(
    Buffer.from(Extensions["ctr.cni-containerd.metadata"].value, "base64").toString(),
    '{"EnableCni":true}',
  );
  for (const _ of [1, 2]) {
    assert.match(await lab.ok("tasks", "start", "again"), `inet ${SUBNET}.`);
    assert.equal(lab.leases(), {});
  }
  await lab.ok("tasks", "start", "-d", "--null-io", "again");
  await waitFor(() => lab.records().length === 0, { what: "the end of the record" });
  assert.match(await lab.ok("tasks", "start", "--null-io", "again").catch(String), "already exists");
  await remove("again");
});

check("with its streams elsewhere and in the foreground, the network is left at the end", async () => {
  await lab.ok("run", "--rm", "--cni", "--null-io", image, "quiet", "true");
});

check("with a terminal, too", async () => {
  const command = [...lab.entry, ctrExecutable, "run", "--rm", "-t", "--cni", image, "shown", "ip", "addr"];
  await using pty = startPty(command, { env: lab.env });
  assert.is(await pty.exited, 0, pty.output());
  assert.match(pty.output(), `inet ${SUBNET}.`);
});

check("a container whose root is another user has an address as well", async () => {
  const { path: directory } = lab.bench.directory;
  for (const path of [directory, dirname(directory)]) chmodSync(path, 0o711);
  const mapped = ["--uidmap", "0:100000:65536", "--gidmap", "0:100000:65536"];
  const shown = await lab.ok("run", "--rm", "--cni", ...mapped, image, "mapped", "ip", "addr");
  assert.match(shown, `inet ${SUBNET}.`);
});

check("--debug shows what plugins answer", async () => {
  const { stderr } = await lab.ctr("--debug", "run", "--rm", "--cni", image, "told", "true");
  assert.match(stderr, /^ctr: debug: bridge ADD: \{ "cniVersion": "1\.0\.0", "interfaces": .*\}$/m);
  assert.match(stderr, new RegExp(`^ctr: debug: lab: eth0 ${SUBNET}\\.\\d+/24$`, "m"));
});

check("the host's firewall has rules for a container as long as it lives", async () => {
  const portmap = { type: "portmap", capabilities: { portMappings: true }, snat: false };
  lab.configure({ "10-lab.conflist": bridgeNetwork(lab, { more: [portmap], bridge: { ipMasq: true } }) });
  const CAP_ARGS = JSON.stringify({ portMappings: [{ hostPort: 8080, containerPort: 80, protocol: "tcp" }] });
  const served = ["sh", "-c", "echo it works >/tmp/page; exec httpd -f -p 80 -h /tmp"];
  const { code, stderr } = await lab.with({ env: { CAP_ARGS } })(
    "run",
    "-d",
    "--cni",
    image,
    "web",
    ...served,
  );
  assert.is(code, 0, stderr);
  const fetching = `console.log(await (await fetch("http://${GATEWAY}:8080/page")).text())`;
  const fetched = () => lab.onHost(process.execPath, "-e", fetching);
  await waitFor(async () => (await fetched()) === "it works\n\n", {
    what: "an answer through the host's port",
  });
  const rules = () => lab.onHost("iptables", "-t", "nat", "-S");
  assert.match(await rules(), "--dport 8080");
  assert.match(await rules(), "MASQUERADE");
  await remove("web");
  assert.not.match(await rules(), /8080|-N CNI-[0-9a-f]|-j CNI-[0-9a-f]/);
});

check("plugins are called in order, and in reverse; each hears what it has to know", async () => {
  const log = lab.bench.directory.join("spied");
  lab.addPlugin("spy", `exec ${process.execPath} ${SPY} ${log}`);
  const spies = [
    { type: "spy", label: "first", capabilities: { bandwidth: true, aliases: false } },
    { type: "spy", label: "second", name: "other", cniVersion: "0.1.0", big: 12345678901234567890n },
  ];
  const network = { cniVersion: "0.4.0", name: "spied", plugins: spies };
  const exact = JSON.stringify(network, (_, value) => (typeof value === "bigint" ? `<${value}>` : value));
  lab.configure({ "10-spied.conflist": exact.replace(/"<(\d+)>"/, "$1") });
  const env = { CNI_ARGS: "A=1;B=2", CAP_ARGS: '{"bandwidth":{"ingressRate":8},"aliases":["x"]}' };
  const { code, stderr } = await lab.with({ env })("run", "--rm", "--cni", image, "spied", "true");
  assert.is(code, 0, stderr);
  const calls: { text: string; config: Record<string, unknown>; env: Record<string, string> }[] =
    readFileSync(log, "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
  const told = calls.map(({ config, env }) => `${env.CNI_COMMAND} ${config.label}`);
  assert.equal(told, ["ADD first", "ADD second", "DEL second", "DEL first"]);
  for (const { config, env } of calls) {
    assert.equal([config.name, config.cniVersion], ["spied", "0.4.0"]);
    assert.is(env.CNI_CONTAINERID!.startsWith(`${lab.bench.ctr.namespace}-spied--`), true);
    assert.equal([env.CNI_IFNAME, env.CNI_ARGS, env.CNI_PATH], ["eth0", "A=1;B=2", lab.env.CNI_PATH]);
    assert.is(env.CNI_NETNS, calls[0]!.env.CNI_NETNS);
    const wanted = config.label === "first" ? { bandwidth: { ingressRate: 8 } } : undefined;
    assert.equal(config.runtimeConfig, wanted);
  }
  assert.match(calls[1]!.text, /"big":12345678901234567890\b/);
  const seen = calls.map(({ config }) => (config.prevResult as { seenBy?: string[] } | undefined)?.seenBy);
  assert.equal(seen, [undefined, ["first"], ["first", "second"], ["first", "second"]]);
});

check(
  "the first configuration counts, in the order of names, be it of one plugin; others may be broken",
  async () => {
    const [plugin] = bridgeNetwork(lab).plugins;
    lab.configure({
      "05-ignored.txt": "not for us",
      "10-single.conf": { ...plugin, name: "lab", cniVersion: "0.3.1" },
      "20-broken.conflist": "{",
    });
    assert.match(await lab.ok("run", "--rm", "--cni", image, "single", "ip", "addr"), `inet ${SUBNET}.`);
  },
);

check("plugins in a directory beside the list belong to it, unless it says otherwise", async () => {
  const { plugins, ...list } = bridgeNetwork(lab);
  const [bridge] = plugins;
  const tuning = { type: "tuning", sysctl: { "net.ipv4.conf.all.log_martians": "1" } };
  const read = ["run", "--rm", "--cni", image, "tuned", "cat", "/proc/sys/net/ipv4/conf/all/log_martians"];
  const files = { "lab/10-bridge.conf": bridge!, "lab/20-tuning.conf": tuning };
  lab.configure({ "10-lab.conflist": { ...list, cniVersions: ["0.4.0", "1.0.0", "9.0.0"] }, ...files });
  assert.is(await lab.ok(...read), "1\n");
  lab.configure({ "10-lab.conflist": { ...list, plugins, loadOnlyInlinedPlugins: true }, ...files });
  assert.is(await lab.ok(...read), "0\n");
});

check("two state directories have an address each for namesakes", async () => {
  await using other = createCtr(lab.bench.directory.join("other"));
  const env = { ...lab.env, ...other.env, CONTAINERD_NAMESPACE: lab.bench.ctr.namespace };
  const elsewhere = (...words: string[]) => run([...lab.entry, ctrExecutable, ...words], { env });
  await other.with({ env })("images", "pull", image);
  const words = ["run", "-d", "--cni", image, "twin", "sleep", "1000"];
  await lab.ok(...words);
  const { code, stderr } = await elsewhere(...words);
  assert.is(code, 0, stderr);
  assert.is(Object.keys(lab.leases()).length, 2);
  await remove("twin");
  assert.is(Object.keys(lab.leases()).length, 1);
  await elsewhere("tasks", "delete", "--force", "twin");
  await elsewhere("containers", "delete", "twin");
});

check("namesakes by the joined names of namespace and container are told from each other", async () => {
  const { namespace } = lab.bench.ctr;
  await lab.ok("run", "-d", "--cni", image, "b-c", "sleep", "1000");
  const inLonger = (...words: string[]) => lab.ctr("-n", `${namespace}-b`, ...words);
  await lab.bench.ctr.ok("-n", `${namespace}-b`, "images", "pull", image);
  const { code, stderr } = await inLonger("run", "--rm", "--cni", image, "c", "true");
  assert.is(code, 1);
  assert.match(stderr, `network attachment of container b-c in namespace ${namespace}: already exists`);
  assert.is((await inLonger("containers", "list", "-q")).stdout, "");
  await lab.ok("tasks", "exec", "b-c", "ping", "-c", "1", "-W", "5", GATEWAY);
  await remove("b-c");
});

check("plugins are found where Debian has them, when nobody says where they are", async () => {
  const { code, stderr } = await lab.with({ env: { CNI_PATH: "" } })(
    "run",
    "--rm",
    "--cni",
    image,
    "usual",
    "true",
  );
  assert.is(code, 0, `${PLUGINS}: ${stderr}`);
});

test.run();
