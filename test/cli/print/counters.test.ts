import { test } from "uvu";
import * as assert from "uvu/assert";
import { formatCounters } from "../../../src/cli/print/counters.ts";

test("fields that are zero are left out, a CPU that was never used is not", () => {
  const values = { cpu: { total: 7n, idle: 0n, per_cpu: [0n, 7n, 0n], none: [] }, name: "", big: 2n ** 63n };
  assert.is(
    formatCounters(values).replaceAll(/\s/g, ""),
    '{"cpu":{"total":7,"per_cpu":[0,7,0]},"big":9223372036854775808}',
  );
});

test.run();
