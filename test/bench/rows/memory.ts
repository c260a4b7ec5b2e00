import type { Row } from "../row.ts";

/** Everything that runs beside the containers, once all have started. */
function memoryRow(tasks: number, goal: number): Row {
  const ids = Array.from({ length: tasks }, (_, index) => `memory-${tasks}-${index}`);
  return {
    name: `memory for ${tasks} task${tasks === 1 ? "" : "s"}`,
    group: "memory",
    unit: "MB",
    goal,
    runs: 1,
    async prepare(side, fixtures) {
      const ref = await fixtures.image("small");
      await side.ctr("images", "pull", ref);
      for (const id of ids) await side.ctr("run", "-d", ref, id, "sleep", "100000");
    },
    measure: async (side) => side.residentMegabytes(),
    async cleanUp(side) {
      for (const id of ids) {
        await side.ctr("tasks", "rm", "--force", id);
        await side.ctr("containers", "rm", id);
      }
    },
  };
}

export const memoryRows: Row[] = [memoryRow(0, 0), memoryRow(1, 1), memoryRow(20, 1)];
