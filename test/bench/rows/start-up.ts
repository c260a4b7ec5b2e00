import type { Row } from "../row.ts";
import type { Side } from "../side.ts";

const IMAGES = 100;
const CONTAINERS = 1000;
const CREATED_AT_ONCE = 8;
const RUNS = 40;

/** Namespaces of their own keep these listings from meeting other rows' images and containers. */
const inNamespace = (namespace: string, ...words: string[]): string[] => ["--namespace", namespace, ...words];

async function createContainers(side: Side): Promise<void> {
  for (let first = 0; first < CONTAINERS; first += CREATED_AT_ONCE) {
    const ids = Array.from({ length: CREATED_AT_ONCE }, (_, index) => `c${first + index}`);
    await Promise.all(
      ids.map((id) =>
        side.ctr(...inNamespace("thousand", "containers", "create", "--rootfs", "/", id, "true")),
      ),
    );
  }
}

export const startUpRows: Row[] = [
  {
    name: "`version`",
    group: "start",
    unit: "ms",
    goal: 1,
    runs: RUNS,
    measure: (side) => side.time("version"),
  },
  {
    name: "`containers ls`, none",
    group: "start",
    unit: "ms",
    goal: 1,
    runs: RUNS,
    measure: (side) => side.time(...inNamespace("empty", "containers", "ls")),
  },
  {
    name: `\`images ls\`, ${IMAGES}`,
    group: "start",
    unit: "ms",
    goal: 1,
    runs: RUNS,
    async prepare(side, fixtures) {
      const ref = await fixtures.image("small");
      await side.ctr(...inNamespace("hundred", "images", "pull", ref));
      const names = Array.from({ length: IMAGES - 1 }, (_, index) => `example.org/image:${index}`);
      await side.ctr(...inNamespace("hundred", "images", "tag", ref, ...names));
    },
    measure: (side) => side.time(...inNamespace("hundred", "images", "ls")),
  },
  {
    name: `\`containers ls\`, ${CONTAINERS}`,
    group: "start",
    unit: "ms",
    goal: 1,
    runs: RUNS,
    prepare: createContainers,
    measure: (side) => side.time(...inNamespace("thousand", "containers", "ls")),
  },
];
