import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Oracle, oracleMissing, startOracle } from "../support/containerd.ts";
import { bridgeNetwork, type NetworkLab, openNetworkLab, PLUGINS } from "../support/network-lab.ts";
import { type RunResult, run } from "../support/run-program.ts";

const SPY = join(import.meta.dirname, "../fixtures/network/spy-plugin.ts");
/** Where the real one looks, without a way to tell it another place: in a mount namespace of its own it may be ours. */
const IN_PLACE = `mount -t overlay -o "lowerdir=/etc,upperdir=$0/upper,workdir=$0/work" overlay /etc &&
mkdir -p /etc/cni/net.d && mount --bind "$0/net.d" /etc/cni/net.d &&
mount --bind "$0/plugins" ${PLUGINS} && mount --bind "$0/var-lib" /var/lib && exec "$@"`;

let lab: NetworkLab;
let oracle: Oracle;
let image: string;
const missing = oracleMissing();
const compare = suite(`networks beside the real ctr${missing ? ` (${missing})` : ""}`);
const check = missing ? compare.skip : compare;

if (!missing) {
  compare.before(async () => {
    lab = await openNetworkLab();
    image = lab.bench.image;
    oracle = await startOracle(lab.bench.directory.path);
    await oracle.ok("images", "pull", "--plain-http", image);
    for (const name of ["upper", "work", "var-lib"]) mkdirSync(lab.bench.directory.join(name));
    for (const name of ["bridge", "host-local"]) {
      copyFileSync(join(PLUGINS, name), lab.bench.directory.join("plugins", name));
    }
  });
  compare.after(async () => {
    await oracle[Symbol.asyncDispose]();
    await lab[Symbol.asyncDispose]();
  });
}

const inPlace = (command: readonly string[], env?: Record<string, string>): Promise<RunResult> =>
  run([...lab.entry, "unshare", "--mount", "sh", "-c", IN_PLACE, lab.bench.directory.path, ...command], {
    env,
  });
const real = (...words: string[]) => inPlace([...oracle.command, ...words]);
const ours = (...words: string[]) => inPlace([lab.ctrExecutable, ...words], lab.bench.ctr.env);

/** Addresses of one run after the other differ, and so do generated ones. */
const comparable = (text: string): string =>
  text
    .replaceAll(/10\.213\.7\.(?!0\b|1\b|255\b)\d+/g, "ADDRESS")
    .replaceAll(/fe80::[0-9a-f:]+/g, "LINK-LOCAL");

check("the same interfaces, addresses and routes", async () => {
  const words = ["run", "--rm", "--cni", image, "same", "sh", "-c", "ip -o addr; ip route; exit 3"];
  const [theirs, own] = [await real(...words), await ours(...words)];
  assert.equal([theirs.code, theirs.stderr], [3, ""]);
  assert.is(comparable(own.stdout), comparable(theirs.stdout));
  assert.equal([own.code, own.stderr], [3, ""]);
});

check("the same words of plugins that fail", async () => {
  const broken = { type: "bridge", ipam: { type: "host-local", ranges: [[{ subnet: "nowhere" }]] } };
  for (const plugin of [broken, { type: "absent" }]) {
    lab.configure({ "1.conflist": { cniVersion: "1.0.0", name: "lab", plugins: [plugin] } });
    const words = ["run", "--rm", "--cni", image, `fails-${plugin.type}`, "true"];
    const [theirs, own] = [await real(...words), await ours(...words)];
    assert.equal([theirs.code, own.code], [1, 1]);
    const line = theirs.stderr.trim().split("\n").at(-1)!;
    assert.is(own.stderr.slice(0, line.length), line);
  }
});

check("a container in the host's network fails with both", async () => {
  lab.configure({ "1.conflist": bridgeNetwork(lab) });
  const words = ["run", "--rm", "--cni", "--net-host", image, "host", "true"];
  assert.equal([(await real(...words)).code, (await ours(...words)).code], [1, 1]);
});

check("plugins hear the same", async () => {
  const log = lab.bench.directory.join("heard");
  lab.addPlugin("spy", `exec ${process.execPath} ${SPY} ${log}`);
  const plugins = [
    {
      type: "spy",
      label: "first",
      capabilities: { portMappings: true },
      name: "own",
      args: { a: [1, null] },
    },
    { type: "spy", label: "second" },
  ];
  for (const cniVersion of ["0.3.1", "0.4.0", "1.0.0"]) {
    lab.configure({ "1.conflist": { cniVersion, name: "spied", disableCheck: true, plugins } });
    const heard = async (ctr: typeof real) => {
      if (existsSync(log)) rmSync(log);
      const { code, stderr } = await ctr("run", "--rm", "--cni", image, `spied-${cniVersion}`, "true");
      assert.is(code, 0, stderr);
      const lines = readFileSync(log, "utf8").trim().split("\n");
      return lines.map((line) => {
        const { config, env } = JSON.parse(line);
        // Ours keeps the namespace until plugins have let go, and tells state directories apart.
        const { CNI_NETNS, CNI_CONTAINERID, ...rest } = env;
        return { config, env: { ...rest, id: CNI_CONTAINERID.replace(/--.*/, "") } };
      });
    };
    assert.equal(withoutDefaults(await heard(ours)), withoutDefaults(await heard(real)), cniVersion);
  }
});

/** Go writes fields of results that it knows, empty or not, and none that it does not. */
function withoutDefaults(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutDefaults);
  if (typeof value !== "object" || value === null) return value;
  const fields = Object.entries(value).filter(([name, field]) => {
    const isEmpty = typeof field === "object" && field !== null && Object.keys(field).length === 0;
    return !(name === "seenBy" || isEmpty);
  });
  return Object.fromEntries(fields.map(([name, field]) => [name, withoutDefaults(field)]));
}

compare.run();
