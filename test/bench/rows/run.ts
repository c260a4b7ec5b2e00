import type { Row } from "../row.ts";

const PARALLEL = 20;
const GIB_IN_MIB = 1024;
const RUNS = 20;
const SERVER = "bench-exec";

export const runRows: Row[] = [
  {
    name: "`run --rm` true",
    group: "run",
    unit: "ms",
    goal: 0.55,
    runs: RUNS,
    prepare: async (side, fixtures) => void (await side.ctr("images", "pull", await fixtures.image("small"))),
    measure: async (side, fixtures) =>
      side.time("run", "--rm", await fixtures.image("small"), side.newName(), "true"),
  },
  {
    name: "`run -d` sleep",
    group: "run",
    unit: "ms",
    runs: RUNS,
    prepare: async (side, fixtures) => void (await side.ctr("images", "pull", await fixtures.image("small"))),
    async measure(side, fixtures) {
      const id = side.newName();
      const taken = await side.time("run", "-d", await fixtures.image("small"), id, "sleep", "1000");
      await side.ctr("tasks", "rm", "--force", id);
      await side.ctr("containers", "rm", id);
      return taken;
    },
  },
  {
    name: "`tasks exec` true",
    group: "exec",
    unit: "ms",
    goal: 0.8,
    runs: RUNS,
    async prepare(side, fixtures) {
      const ref = await fixtures.image("small");
      await side.ctr("images", "pull", ref);
      await side.ctr("run", "-d", ref, SERVER, "sleep", "100000");
    },
    measure: (side) => side.time("tasks", "exec", "--exec-id", side.newName(), SERVER, "true"),
    async cleanUp(side) {
      await side.ctr("tasks", "rm", "--force", SERVER);
      await side.ctr("containers", "rm", SERVER);
    },
  },
  {
    name: `${PARALLEL} \`run --rm\` at once`,
    group: "parallel",
    unit: "ms",
    goal: 0.7,
    runs: 5,
    prepare: async (side, fixtures) => void (await side.ctr("images", "pull", await fixtures.image("small"))),
    async measure(side, fixtures) {
      const ref = await fixtures.image("small");
      const startedAt = performance.now();
      await Promise.all(
        Array.from({ length: PARALLEL }, () => side.ctr("run", "--rm", ref, side.newName(), "true")),
      );
      return performance.now() - startedAt;
    },
  },
  {
    name: "1 GiB through stdout",
    group: "stdout",
    unit: "ms",
    goal: 0.5,
    runs: 5,
    prepare: async (side, fixtures) => void (await side.ctr("images", "pull", await fixtures.image("small"))),
    async measure(side, fixtures) {
      const write = `dd if=/dev/zero bs=1M count=${GIB_IN_MIB}`;
      const ref = await fixtures.image("small");
      const startedAt = performance.now();
      const { stdout } = await side.shell(
        `$CTR run --rm ${ref} ${side.newName()} ${write} 2>/dev/null | wc -c`,
      );
      const taken = performance.now() - startedAt;
      if (Number(stdout) !== GIB_IN_MIB * 1024 * 1024) throw new Error(`only ${stdout.trim()} bytes arrived`);
      return taken;
    },
  },
];
