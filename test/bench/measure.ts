import type { Fixtures } from "./fixtures.ts";
import type { Row } from "./row.ts";
import type { Side } from "./side.ts";

const SETTLE_MS = 150;

export interface Samples {
  side: string;
  values: number[];
  /** Why there are none. */
  failure?: string;
}

/** Measures a row: A B A B …, so that what disturbs the machine disturbs both. A side that fails stays out. */
export async function measureRow(
  row: Row,
  sides: readonly Side[],
  fixtures: Fixtures,
  runs: number,
): Promise<Samples[]> {
  const all = sides.map((side): Samples & { of: Side } => ({ side: side.name, values: [], of: side }));
  const attempt = async (samples: (typeof all)[number], act: () => Promise<void>) => {
    if (samples.failure) return;
    try {
      await act();
    } catch (error) {
      samples.failure = error instanceof Error ? error.message : String(error);
    }
  };
  for (const samples of all) await attempt(samples, async () => row.prepare?.(samples.of, fixtures));
  if (row.unit === "ms")
    for (const samples of all)
      await attempt(samples, async () => void (await row.measure(samples.of, fixtures)));
  for (let round = 0; round < runs; round++) {
    for (const samples of round % 2 === 0 ? all : all.toReversed()) {
      // What the other side still tidies up is not billed to this one.
      await Bun.sleep(SETTLE_MS);
      await attempt(samples, async () => void samples.values.push(await row.measure(samples.of, fixtures)));
    }
  }
  for (const samples of all) {
    await row.cleanUp?.(samples.of, fixtures).catch((error) => {
      samples.failure ??= String(error);
    });
  }
  return all.map(({ side, values, failure }) => ({ side, values: failure ? [] : values, failure }));
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}
