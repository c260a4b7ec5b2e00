import { suite } from "uvu";
import { type Beside, type BesideOptions, openBeside, type Step } from "./beside-oracle.ts";

/** Cases of steps, one after the other on what the earlier ones have left. */
export interface BesideSuite {
  /** A case in which both must do the same. */
  equally(name: string, steps: readonly (Step | string)[]): void;
  run(): void;
}

/** `missing` says why no case can run, which are skipped then. */
export function besideSuite(
  name: string,
  options: () => BesideOptions,
  missing: string | undefined = undefined,
): BesideSuite {
  const test = suite(missing ? `${name} (${missing})` : name);
  let beside: Beside | undefined;
  if (!missing) {
    test.before(async () => {
      beside = await openBeside(options());
    });
  }
  test.after(async () => {
    await beside?.[Symbol.asyncDispose]();
  });
  return {
    equally(name, steps) {
      const add = missing ? test.skip : test;
      add(name, async () => {
        for (const step of steps) await beside!.step(step);
      });
    },
    run: () => test.run(),
  };
}
