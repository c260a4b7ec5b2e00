import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";

interface LockedPackage {
  optionalDependencies?: Record<string, string>;
}

/** npm leaves out what its registry does not have, and then refuses its own lock file on the next machine. */
test("the lock file has an entry for every optional dependency, of whatever platform", () => {
  const path = join(import.meta.dirname, "../../package-lock.json");
  const { packages } = JSON.parse(readFileSync(path, "utf8")) as { packages: Record<string, LockedPackage> };
  const missing = Object.entries(packages).flatMap(([key, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter(
      (name) => !packages[`node_modules/${name}`] && !packages[`${key}/node_modules/${name}`],
    ),
  );
  assert.equal(missing, []);
});

test.run();
