import { mkdirSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { removeCgroupsNamed, thawCgroupsNamed } from "./cgroups.ts";
import { unmountBelow } from "./mounts.ts";
import { killNaming } from "./processes.ts";
import { type RunOptions, type RunResult, run } from "./run-program.ts";

/** What scripts/build made; scripts/test builds before it runs any test. */
export const ctrExecutable = join(import.meta.dirname, "../../dist/ctr");

export interface Ctr extends AsyncDisposable {
  /** Runs one command to its end; a failing one is an answer, not an exception. */
  (...words: string[]): Promise<RunResult>;
  /** The same with stdin, environment, working directory or a deadline of its own. */
  with(options: RunOptions): (...words: string[]) => Promise<RunResult>;
  /** Runs one that must succeed, and answers its stdout. */
  ok(...words: string[]): Promise<string>;
  /** For tests that kill, talk to or outlive a running command. */
  start(words: string[], options?: SpawnOptions): Bun.Subprocess<"pipe", "pipe", "pipe">;
  readonly root: string;
  readonly state: string;
  /** Its own, so that the cgroups of its containers are told from everybody else's. */
  readonly namespace: string;
  /** Environment that makes any ctr process use these directories. */
  readonly env: Readonly<Record<string, string>>;
}

export interface SpawnOptions {
  env?: Record<string, string>;
  cwd?: string;
}

/**
 * The built executable with a state directory of its own below `directory`. Disposing it kills what is left of its
 * tasks, unmounts everything below, and removes the directories and cgroups.
 */
export function createCtr(directory: string): Ctr {
  const home = join(directory, "ctr");
  const namespace = `${basename(dirname(directory))}-${basename(directory)}`;
  const root = join(home, "root");
  const state = join(home, "state");
  mkdirSync(join(home, "home"), { recursive: true });
  // HOME: the machine's registry credentials are not the tests' business.
  const env = {
    PATH: process.env.PATH ?? "/usr/sbin:/usr/bin:/sbin:/bin",
    HOME: join(home, "home"),
    TMPDIR: process.env.TMPDIR ?? "/tmp",
    CTR_ROOT: root,
    CTR_STATE: state,
    CONTAINERD_NAMESPACE: namespace,
  };
  const withOptions =
    (options: RunOptions) =>
    (...words: string[]) =>
      run([ctrExecutable, ...words], { ...options, env: { ...env, ...options.env } });
  const call = (...words: string[]) => withOptions({})(...words);
  return Object.assign(call, {
    root,
    state,
    namespace,
    env,
    with: withOptions,
    async ok(...words: string[]) {
      const { code, stdout, stderr } = await call(...words);
      if (code !== 0) throw new Error(`ctr ${words.join(" ")}: exit ${code}\n${stdout}${stderr}`);
      return stdout;
    },
    start: (words: string[], options: SpawnOptions = {}) =>
      Bun.spawn([ctrExecutable, ...words], {
        cwd: options.cwd,
        env: { ...env, ...options.env },
        stdin: "pipe",
        stdout: "pipe",
        stderr: "pipe",
      }),
    async [Symbol.asyncDispose]() {
      thawCgroupsNamed(namespace);
      await killNaming(home);
      await killNaming(`/${namespace}/`);
      unmountBelow(home);
      removeCgroupsNamed(namespace);
      rmSync(home, { recursive: true, force: true });
    },
  });
}
