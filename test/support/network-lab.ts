import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ctrExecutable } from "./ctr.ts";
import { type RunOptions, type RunResult, run } from "./run-program.ts";
import { openWorkbench, type Workbench } from "./workbench.ts";

/** Where Debian has the reference plugins. */
export const PLUGINS = "/usr/lib/cni";

/**
 * A network namespace that stands for the host's, with a ctr that works in it and a configuration directory of its
 * own: bridges, rules and addresses are made there, and go with it.
 */
export interface NetworkLab extends AsyncDisposable {
  readonly bench: Workbench;
  /** Configuration files by their names; the others are removed. */
  configure(files: Record<string, object | string>): void;
  /** A program among the plugins. */
  addPlugin(name: string, script: string): void;
  ctr(...words: string[]): Promise<RunResult>;
  with(options: RunOptions): (...words: string[]) => Promise<RunResult>;
  /** Must succeed; answers its standard output. */
  ok(...words: string[]): Promise<string>;
  start(words: string[]): Bun.Subprocess<"pipe", "pipe", "pipe">;
  /** Any program on this host; answers its standard output. */
  onHost(...command: string[]): Promise<string>;
  /** Addresses that are taken, and by whom, as the plugin host-local keeps them. */
  leases(): Record<string, string>;
  /** What ctr keeps about containers in networks; without what was being written when it was killed. */
  records(): string[];
  readonly env: Record<string, string>;
  /** Before the words of a command, so that it runs in the namespace. */
  readonly entry: readonly string[];
  readonly ctrExecutable: string;
}

export const SUBNET = "10.213.7";

/** A bridge with addresses out of SUBNET; `more` are plugins after it. */
export function bridgeNetwork(lab: Pick<NetworkLab, "bench">, { more = [] as object[], bridge = {} } = {}) {
  return {
    cniVersion: "1.0.0",
    name: "lab",
    plugins: [
      {
        type: "bridge",
        bridge: "lab0",
        isGateway: true,
        ...bridge,
        ipam: {
          type: "host-local",
          dataDir: lab.bench.directory.join("leases"),
          ranges: [[{ subnet: `${SUBNET}.0/24` }]],
          routes: [{ dst: "0.0.0.0/0" }],
        },
      },
      ...more,
    ],
  };
}

export async function openNetworkLab(): Promise<NetworkLab> {
  await using cleanup = new AsyncDisposableStack();
  const bench = cleanup.use(await openWorkbench());
  const directory = bench.directory.path;
  const [config, plugins] = [join(directory, "net.d"), join(directory, "plugins")];
  for (const path of [config, plugins]) mkdirSync(path);
  // It ends with its standard input, and so with this process; the directory's name is for who looks what is left.
  const holder = Bun.spawn(["unshare", "--net", "sh", "-c", "ip link set lo up; echo; read _", directory], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  cleanup.defer(async () => {
    holder.kill("SIGKILL");
    await holder.exited;
  });
  await holder.stdout.getReader().read();
  const entry = ["nsenter", `--net=/proc/${holder.pid}/ns/net`];
  const env = { ...bench.ctr.env, NETCONFPATH: config, CNI_PATH: `${plugins}:${PLUGINS}` };
  const withOptions =
    (options: RunOptions) =>
    (...words: string[]) =>
      run([...entry, ctrExecutable, ...words], { ...options, env: { ...env, ...options.env } });
  const checked = async (command: string[]) => {
    const { code, stdout, stderr } = await run([...entry, ...command], { env });
    if (code !== 0) throw new Error(`${command.join(" ")}: exit ${code}\n${stdout}${stderr}`);
    return stdout;
  };
  const leases = join(directory, "leases/lab");
  const records = join(bench.ctr.root, "networks");
  const lab = {
    bench,
    env,
    entry,
    ctrExecutable,
    configure(files: Record<string, object | string>) {
      rmSync(config, { recursive: true });
      mkdirSync(config);
      for (const [name, content] of Object.entries(files)) {
        mkdirSync(dirname(join(config, name)), { recursive: true });
        writeFileSync(join(config, name), typeof content === "string" ? content : JSON.stringify(content));
      }
    },
    addPlugin(name: string, script: string) {
      writeFileSync(join(plugins, name), `#!/bin/sh\n${script}\n`);
      chmodSync(join(plugins, name), 0o755);
    },
    ctr: (...words: string[]) => withOptions({})(...words),
    with: withOptions,
    ok: (...words: string[]) => checked([ctrExecutable, ...words]),
    start: (words: string[]) =>
      Bun.spawn([...entry, ctrExecutable, ...words], { env, stdin: "pipe", stdout: "pipe", stderr: "pipe" }),
    onHost: (...command: string[]) => checked(command),
    leases() {
      const names = existsSync(leases) ? readdirSync(leases).filter((name) => /^[\d.]+$/.test(name)) : [];
      return Object.fromEntries(
        names.map((name) => [name, readFileSync(join(leases, name), "utf8").split(/\s/)[0]!]),
      );
    },
    records: () => (existsSync(records) ? readdirSync(records).filter((name) => !name.startsWith(".")) : []),
  };
  lab.configure({ "10-lab.conflist": bridgeNetwork({ bench }) });
  const kept = cleanup.move();
  return { ...lab, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}
