import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { unpackPackages } from "./debian-packages.ts";

test("a package that no suite has is answered by a reason, not by an exception", () => {
  const { tree, missing } = unpackPackages("sid", "no-such-package");
  assert.is(tree, undefined);
  assert.match(missing!, /^no-such-package of Debian sid: ./);
});

const { tree, missing } = unpackPackages("sid", "containerd");
const withPackage = missing ? test.skip : test;

withPackage(`a package's files are below its tree${missing ? ` (${missing})` : ""}`, () => {
  assert.ok(existsSync(join(tree!, "usr/bin/ctr")));
});

test.run();
