import { copyFileSync, existsSync, mkdirSync, readdirSync, symlinkSync } from "node:fs";
import { basename, join } from "node:path";
import type { CreateTask, ExecProcess, ProcessIo, Tasks } from "../../src/core/task.ts";
import { openEventLog } from "../../src/events/index.ts";
import { openTasks } from "../../src/runtime/index.ts";
import { cgroupsNamed, removeCgroupsNamed } from "./cgroups.ts";
import { killNaming } from "./processes.ts";
import { tempDir } from "./temp.ts";

const APPLETS =
  "sh true false cat sleep echo dd ls ps id stty kill wc head tr env printf readlink seq tty mkdir";
const CLIENT = join(import.meta.dirname, "../fixtures/task-client.ts");

export interface TestTasks extends AsyncDisposable {
  readonly tasks: Tasks;
  readonly path: string;
  readonly state: string;
  readonly root: string;
  readonly namespace: string;
  readonly runcRoot: string;
  /** Of a container that runs `args` in a busybox tree, changed by `change`. */
  request(id: string, args: string[], io?: ProcessIo, change?: (spec: TestSpec) => void): CreateTask;
  exec(
    execId: string,
    args: string[],
    io?: ProcessIo,
    change?: (process: TestSpec["process"]) => void,
  ): ExecProcess;
  bundle(id: string): string;
  /** Command line of another process that does `verb` with its own streams. */
  client(
    verb: "run" | "attach" | "exec",
    id: string,
    order?: { run?: CreateTask; exec?: ExecProcess },
  ): string[];
}

export interface TestSpec {
  process: {
    args: string[];
    cwd: string;
    env: string[];
    terminal: boolean;
    user: { uid: number; gid: number };
    [name: string]: unknown;
  };
  linux: { cgroupsPath: string; namespaces: { type: string; path?: string }[]; [name: string]: unknown };
  hooks?: object;
  [name: string]: unknown;
}

/** A state directory of its own, real runc, a busybox root. Disposing ends and removes whatever a test left. */
export function openTestTasks(): TestTasks {
  const dir = tempDir();
  const [state, root, rootfs] = [dir.join("state"), dir.join("root"), dir.join("rootfs")];
  // Its cgroups are found by this name.
  const namespace = `${basename(join(dir.path, ".."))}-${basename(dir.path)}`;
  makeRootfs(rootfs);
  const tasks = openTasks({ state, root, namespace, events: openEventLog(state) });
  return {
    tasks,
    path: dir.path,
    state,
    root,
    namespace,
    runcRoot: join(state, "runc", namespace),
    request(id, args, io = { kind: "null" }, change) {
      const spec = makeSpec(rootfs, `/${namespace}/${id}`, args);
      change?.(spec);
      return { id, spec, mounts: [], io };
    },
    exec(execId, args, io = { kind: "null" }, change) {
      const { process } = makeSpec(rootfs, "/", args);
      change?.(process);
      return { execId, process, io };
    },
    bundle: (id) => join(state, "tasks", namespace, id),
    client: (verb, id, order = {}) => [
      process.execPath,
      CLIENT,
      verb,
      JSON.stringify({ state, root, namespace, id, ...order }),
    ],
    async [Symbol.asyncDispose]() {
      for (const task of await tasks.list()) await task.delete({ force: true });
      await killNaming(dir.path);
      removeCgroupsNamed(namespace);
      dir[Symbol.dispose]();
    },
  };
}

/** What is left of tasks on disk: nothing but empty directories of the namespace. */
export function remains({ state, root, namespace }: TestTasks): string[] {
  const places = [
    join(state, "tasks", namespace),
    join(state, "runc", namespace),
    join(root, "logs", namespace),
  ];
  return places.flatMap((place) =>
    existsSync(place) ? readdirSync(place).map((name) => join(place, name)) : [],
  );
}

/** The cgroups of containers; their parent, named for the namespace, stays as it does with every runtime. */
export function containerCgroups({ namespace }: TestTasks): string[] {
  return cgroupsNamed(namespace).filter((path) => basename(path) !== namespace);
}

function makeRootfs(rootfs: string): void {
  for (const name of ["bin", "proc", "dev", "sys", "tmp", "etc"]) {
    mkdirSync(join(rootfs, name), { recursive: true });
  }
  copyFileSync("/bin/busybox", join(rootfs, "bin/busybox"));
  for (const applet of APPLETS.split(" ")) symlinkSync("busybox", join(rootfs, "bin", applet));
}

function makeSpec(rootfs: string, cgroupsPath: string, args: string[]): TestSpec {
  const capabilities = ["CAP_KILL", "CAP_SETUID", "CAP_SETGID", "CAP_DAC_OVERRIDE"];
  const mount = (destination: string, type: string, options: string[]) => ({
    destination,
    type,
    source: type,
    options,
  });
  return {
    ociVersion: "1.0.2-dev",
    process: {
      args,
      cwd: "/",
      env: ["PATH=/bin"],
      terminal: false,
      user: { uid: 0, gid: 0 },
      capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
      noNewPrivileges: true,
    },
    root: { path: rootfs },
    mounts: [
      mount("/proc", "proc", ["nosuid", "noexec", "nodev"]),
      mount("/dev", "tmpfs", ["nosuid", "mode=755"]),
      mount("/dev/pts", "devpts", ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]),
    ],
    linux: {
      cgroupsPath,
      namespaces: ["pid", "ipc", "uts", "mount", "network"].map((type) => ({ type })),
    },
  };
}
