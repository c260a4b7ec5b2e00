import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { defaultSpec } from "../../src/oci/default-spec.ts";

const reference = JSON.stringify(
  JSON.parse(readFileSync(new URL("../fixtures/oci/default-spec.json", import.meta.url), "utf8")),
);

test("the default spec is containerd's, key for key and in its order", () => {
  assert.is(JSON.stringify(defaultSpec("default")), reference);
});

test("a container's cgroup path ends with its id", () => {
  assert.is(defaultSpec("k8s", "web").linux?.cgroupsPath, "/k8s/web");
});

test("nothing is inheritable or ambient (CVE-2022-27649)", () => {
  const { inheritable, ambient } = defaultSpec("default").process?.capabilities ?? {};
  assert.is(inheritable, undefined);
  assert.is(ambient, undefined);
});

test("two specs share nothing that one could change", () => {
  const changed = defaultSpec("default");
  changed.process?.capabilities?.bounding?.push("CAP_SYS_ADMIN");
  changed.mounts?.[0]?.options?.push("rw");
  changed.linux?.resources?.devices?.pop();
  assert.is(JSON.stringify(defaultSpec("default")), reference);
});

test.run();
