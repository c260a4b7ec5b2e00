import { test } from "uvu";
import * as assert from "uvu/assert";
import { openWorkbench } from "../support/workbench.ts";

// The lock of container `b-c` in namespace `a` had the name of that of `c` in `a-b`: `run --rm` answered "already exists".

test("names that read alike when joined by a hyphen are two containers", async () => {
  await using bench = await openWorkbench({ isPulled: false });
  const { ctr, image } = bench;
  const inNamespace = (name: string) =>
    ctr.with({ env: { CONTAINERD_NAMESPACE: `${ctr.namespace}${name}` } });
  for (const name of ["", "-b"]) {
    assert.is((await inNamespace(name)("images", "pull", image)).code, 0);
  }
  const first = ctr.start(["run", "--rm", image, "b-c", "sh", "-c", "echo up; read x"]);
  const reader = first.stdout.getReader();
  await reader.read();
  const second = await inNamespace("-b")("run", "--rm", image, "c", "true");
  assert.is(`${second.code} ${second.stderr}`, "0 ");
  first.stdin.end();
  await first.exited;
});

test.run();
