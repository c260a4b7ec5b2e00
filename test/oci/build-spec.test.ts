import { test } from "uvu";
import * as assert from "uvu/assert";
import { build } from "./build.ts";
import { baseSpec } from "./flag-case.ts";
import { FLAG_CASES } from "./flag-cases.ts";

for (const { name, flags, delta } of FLAG_CASES) {
  test(`${name}: changes exactly what it should`, async () => {
    assert.equal(withoutAbsent(await build(flags)), changed(baseSpec, delta));
  });
}

/** As it is written: absent values are no keys. */
const withoutAbsent = (value: object) => JSON.parse(JSON.stringify(value));

function changed(spec: object, delta: Readonly<Record<string, unknown>>): object {
  const result = structuredClone(spec);
  for (const [path, value] of Object.entries(delta)) {
    const keys = path.split(".");
    const last = keys.pop() ?? "";
    let parent = result as Record<string, object>;
    for (const key of keys) parent = parent[key] as Record<string, object>;
    if (value === undefined) delete parent[last];
    else parent[last] = value as object;
  }
  return withoutAbsent(result);
}

test.run();
