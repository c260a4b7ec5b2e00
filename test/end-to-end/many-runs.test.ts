// exclusive: it starts as many containers at once as it can
/**
 * CTR_TEST_RUNS=500 asks for so many runs and execs one after the other, instead of what a suite can afford.
 */
import { Database } from "bun:sqlite";
import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { cgroupsNamed } from "../support/cgroups.ts";
import { mountsBelow } from "../support/mounts.ts";
import { processesNaming } from "../support/processes.ts";
import { waitFor } from "../support/wait-for.ts";
import { openWorkbench, type Workbench } from "../support/workbench.ts";

const RUNS = Number(process.env.CTR_TEST_RUNS ?? 60);
const EXECS = Number(process.env.CTR_TEST_RUNS ?? 100);
const RUNS_AT_ONCE = 50;

const test = suite("many runs");
let bench: Workbench;
test.before(async () => {
  bench = await openWorkbench();
  // What the first one makes for all that come after it: parents of cgroups, directories of the namespace.
  await bench.ctr.ok("run", "-d", bench.image, "first", "true");
  await bench.ctr("tasks", "wait", "first");
  await bench.ctr.ok("containers", "delete", "first");
});
test.after(async () => bench?.[Symbol.asyncDispose]());

/** Everything that containers can leave behind, each as one line. */
function traces(): string[] {
  const { root, state, namespace } = bench.ctr;
  return [
    ...[root, state].flatMap(filesBelow),
    ...rows(join(root, "metadata.db")),
    ...mountsBelow(bench.directory.path).map((path) => `mount ${path}`),
    ...cgroupsNamed(namespace).map((path) => `cgroup ${path}`),
    ...[root, namespace]
      .flatMap(processesNaming)
      .filter(({ command }) => !command.startsWith("docker-registry"))
      .map(({ pid, command }) => `process ${pid} ${command}`),
  ].sort();
}

function filesBelow(directory: string): string[] {
  const names = readdirSync(directory, { recursive: true }) as string[];
  return names.flatMap((name) => {
    const path = join(directory, name);
    const stat = lstatSync(path, { throwIfNoEntry: false });
    // SQLite's own come and go with its users.
    return stat && !/metadata\.db-(wal|shm)$/.test(name) ? `${(stat.mode >> 12).toString(8)} ${path}` : [];
  });
}

/** Of every table but the counter of directories, and the log of events, which is bounded by itself. */
function rows(path: string): string[] {
  using database = new Database(path, { readonly: true });
  const tables = database.query("SELECT name FROM sqlite_master WHERE type = 'table'").all() as {
    name: string;
  }[];
  return tables
    .filter(({ name }) => !["sequences", "events"].includes(name))
    .flatMap(({ name }) => {
      const { count } = database.query(`SELECT count(*) AS count FROM "${name}"`).get() as { count: number };
      return `table ${name}: ${count} rows`;
    });
}

/** What was begun beside the answer may take a moment to end. */
async function leavesNothing(work: () => Promise<void>): Promise<void> {
  await waitFor(() => !traces().some((line) => line.startsWith("process")), {
    what: "the end of what came before",
  });
  const before = traces();
  await work();
  const added = () => traces().filter((line) => !before.includes(line));
  await waitFor(() => added().length === 0, { timeoutMs: 20_000 }).catch(() => undefined);
  assert.equal(added(), []);
  assert.equal(traces(), before);
}

test(`${RUNS} runs, one after the other, leave nothing`, () =>
  leavesNothing(async () => {
    for (let round = 0; round < RUNS; round++) {
      const { code, stdout, stderr } = await bench.ctr(
        "run",
        "--rm",
        bench.image,
        "again",
        "echo",
        `${round}`,
      );
      assert.is(`${code} ${stdout}${stderr}`, `0 ${round}\n`);
    }
  }));

test(`${RUNS_AT_ONCE} runs at once leave nothing`, () =>
  leavesNothing(async () => {
    const statuses = await Promise.all(
      Array.from({ length: RUNS_AT_ONCE }, async (_, index) => {
        const script = `echo ${index}; exit ${index}`;
        const { code, stdout, stderr } = await bench.ctr(
          "run",
          "--rm",
          bench.image,
          `c${index}`,
          "sh",
          "-c",
          script,
        );
        return `${code} ${stdout}${stderr}`;
      }),
    );
    assert.equal(
      statuses,
      statuses.map((_, index) => `${index} ${index}\n`),
    );
  }));

test("detached ones, killed, deleted and started again, leave nothing", () =>
  leavesNothing(async () => {
    const { ctr, image } = bench;
    for (let round = 0; round < 10; round++) {
      await ctr.ok("run", "-d", image, "long", "sh", "-c", "echo output; sleep 1000");
      await ctr.ok("tasks", "delete", "--force", "long");
      await ctr.ok("tasks", "start", "-d", "long");
      await ctr.ok("tasks", "kill", "-s", "KILL", "long");
      await ctr("tasks", "wait", "long");
      await ctr.ok("containers", "delete", "long");
    }
  }));

test(`${EXECS} execs in one container leave nothing, nor do those that fail`, async () => {
  const { ctr, image } = bench;
  await ctr.ok("run", "-d", image, "host", "sleep", "100000");
  // Makes their directory.
  await ctr.ok("tasks", "exec", "host", "true");
  const supervisors = () =>
    processesNaming(ctr.state).filter(({ command }) => command.includes("_supervise"));
  const lasting = () => traces().filter((line) => !line.startsWith("process"));
  const before = lasting();
  for (let round = 0; round < EXECS; round += 4) {
    const [one, two, three, four] = await Promise.all([
      ctr("tasks", "exec", "host", "sh", "-c", "exit 3"),
      ctr("tasks", "exec", "--exec-id", "named", "host", "echo", "x"),
      ctr("tasks", "exec", "host", "nosuch"),
      ctr.with({ stdin: "through" })("tasks", "exec", "host", "cat"),
    ]);
    assert.equal([one.code, two.stdout, three.code, four.stdout], [3, "x\n", 1, "through"]);
  }
  await ctr.ok("tasks", "exec", "-d", "--exec-id", "quick", "host", "true");
  await ctr("tasks", "wait", "--exec-id", "quick", "host");
  await ctr.ok("tasks", "delete", "--exec-id", "quick", "host");
  assert.equal(lasting(), before);
  assert.is(supervisors().length, 1);
  assert.match(await ctr.ok("tasks", "ps", "host"), /^PID +INFO\n\d+ +-\n$/);
  const { pid } = supervisors()[0]!;
  const descriptors = readdirSync(`/proc/${pid}/fd`).length;
  assert.ok(descriptors < 30, `${descriptors} descriptors of the supervisor`);
  await ctr.ok("tasks", "delete", "--force", "host");
  await ctr.ok("containers", "delete", "host");
});

test.run();
