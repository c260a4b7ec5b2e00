import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { removeCgroupsNamed } from "./cgroups.ts";
import { unmountBelow } from "./mounts.ts";
import { killNaming } from "./processes.ts";
import { type RunOptions, type RunResult, run } from "./run-program.ts";
import { waitFor } from "./wait-for.ts";

/** The real ctr, against a containerd of its own: what ours is compared with. */
export interface Oracle extends AsyncDisposable {
  (...words: string[]): Promise<RunResult>;
  with(options: RunOptions): (...words: string[]) => Promise<RunResult>;
  /** Runs one that must succeed, and answers its stdout. */
  ok(...words: string[]): Promise<string>;
  /** What comes before the words of every command. */
  readonly command: readonly string[];
  readonly namespace: string;
  readonly address: string;
  /** containerd's own process. */
  readonly pid: number;
  /** Where it mounts the root filesystem of a running container. */
  rootfs(container: string): string;
}

/** Why there can be no oracle here, for `test.skip`-like decisions; undefined when there can. */
export function oracleMissing(): string | undefined {
  const missing = ["containerd", "ctr", "containerd-shim-runc-v2", "runc"].filter((name) => !Bun.which(name));
  return missing.length > 0 ? `${missing.join(", ")} not installed` : undefined;
}

export interface OracleOptions {
  /** Where ctr, containerd and its shim are, of another version than the machine's. */
  programs?: string;
}

/**
 * Starts containerd with root, state and socket below `directory`, without CRI, and waits until it answers. Disposing
 * ends it and its shims by what they are called with, and removes every mount, cgroup and file it made.
 */
export async function startOracle(directory: string, { programs }: OracleOptions = {}): Promise<Oracle> {
  const missing = programs ? undefined : oracleMissing();
  if (missing) throw new Error(`no real ctr to compare with: ${missing}`);
  const program = (name: string) => (programs ? join(programs, name) : name);
  const home = join(directory, "containerd");
  mkdirSync(home, { recursive: true });
  const address = join(home, "socket");
  const configFile = join(home, "config.toml");
  writeFileSync(configFile, configuration(home, address));
  const namespace = `${basename(dirname(directory))}-${basename(directory)}`;
  const daemon = Bun.spawn([program("containerd"), "--config", configFile], {
    // Its shim is found on PATH.
    env: { ...process.env, PATH: [programs, process.env.PATH].filter(Boolean).join(":") },
    stdin: "ignore",
    stdout: Bun.file(join(home, "log")),
    stderr: Bun.file(join(home, "errors")),
  });
  const command = [program("ctr"), "--address", address, "--namespace", namespace];
  const withOptions =
    (options: RunOptions) =>
    (...words: string[]) =>
      run([...command, ...words], options);
  const call = (...words: string[]) => withOptions({})(...words);
  const dispose = async () => {
    if (daemon.exitCode === null) await endTasks(withOptions({ timeoutMs: 5_000 }));
    daemon.kill("SIGKILL");
    await daemon.exited;
    await killNaming(home);
    await killNaming(`/${namespace}/`);
    unmountBelow(home);
    removeCgroupsNamed(namespace);
    rmSync(home, { recursive: true, force: true });
  };
  const answers = async () => existsSync(address) && (await call("version")).code === 0;
  await waitFor(answers, { what: "containerd's readiness", timeoutMs: 30_000 }).catch(async (error) => {
    await dispose();
    throw error;
  });
  return Object.assign(call, {
    with: withOptions,
    async ok(...words: string[]) {
      const { code, stdout, stderr } = await call(...words);
      if (code !== 0) throw new Error(`real ctr ${words.join(" ")}: exit ${code}\n${stdout}${stderr}`);
      return stdout;
    },
    command,
    namespace,
    address,
    pid: daemon.pid,
    rootfs: (container: string) =>
      join(home, "state/io.containerd.runtime.v2.task", namespace, container, "rootfs"),
    [Symbol.asyncDispose]: dispose,
  });
}

/** The polite way first: only a shim that is told to end removes its socket, which is outside of `home`. */
async function endTasks(call: (...words: string[]) => Promise<RunResult>) {
  try {
    const { stdout } = await call("tasks", "list", "--quiet");
    for (const task of stdout.split("\n").filter(Boolean)) await call("tasks", "delete", "--force", task);
  } catch {
    // What does not answer is killed.
  }
}

function configuration(home: string, address: string): string {
  return `version = 2
root = ${JSON.stringify(join(home, "root"))}
state = ${JSON.stringify(join(home, "state"))}
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt", "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs", "io.containerd.tracing.processor.v1.otlp", "io.containerd.internal.v1.tracing"]
[grpc]
  address = ${JSON.stringify(address)}
[ttrpc]
  address = ${JSON.stringify(`${address}.ttrpc`)}
`;
}
