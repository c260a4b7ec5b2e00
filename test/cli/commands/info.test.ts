import { writeFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { knownFaults } from "../../../src/runtime/known-faults.ts";
import { openWorkbench, type Workbench } from "../../support/workbench.ts";

const test = suite("what ctr says about itself");
let bench: Workbench;
test.before(async () => {
  bench = await openWorkbench();
});
test.after(async () => bench[Symbol.asyncDispose]());

test("info says where it works and which runtime starts containers", async () => {
  const { ctr } = bench;
  const { server, client } = JSON.parse(await ctr.ok("info"));
  assert.is(server, null);
  assert.equal([client.root, client.state, client.namespace], [ctr.root, ctr.state, ctr.namespace]);
  assert.is(client.runtime.name, "runc");
  assert.ok(client.cgroups === 1 || client.cgroups === 2);
  const { code, stdout, stderr } = await ctr.with({ env: { ...ctr.env, PATH: "/nowhere" } })("info");
  assert.is(code, 0);
  assert.is(JSON.parse(stdout).client.runtime, null);
  assert.match(
    stderr,
    /^ctr: warning: OCI runtime "runc" in PATH \(\/nowhere\): not found \(install it with/,
  );
});

test("inspect-runtime prints version, options and features of what would be started", async () => {
  const { ctr, directory } = bench;
  const runc = JSON.parse(await ctr.ok("plugins", "inspect-runtime"));
  assert.is(runc.Name, "io.containerd.runc.v2");
  assert.match(runc.Version.Version, /^\d+\.\d+/);
  assert.ok(runc.Features.ociVersionMax);
  assert.is(runc.Options, null);
  const mute = directory.join("mute");
  writeFileSync(mute, "#!/bin/sh\nexit 1\n", { mode: 0o755 });
  const other = JSON.parse(
    await ctr.ok("plugins", "inspect-runtime", "--runc-binary", mute, "--runc-root", "/r"),
  );
  assert.equal(other, {
    Name: "io.containerd.runc.v2",
    Version: { Version: "", Revision: "" },
    Options: { binary_name: mute, root: "/r" },
    Features: null,
  });
  const missing = await ctr("plugins", "inspect-runtime", "--runc-binary", "nosuch");
  assert.match(`${missing.code} ${missing.stderr}`, /^1 ctr: OCI runtime "nosuch".*: not found/);
});

test("a runtime with known faults is named, unless it or its package has the fix", () => {
  const silent = () => "";
  const faults = (version: string, changelog = "") => knownFaults("runc", version, () => changelog).length;
  assert.match(
    knownFaults("runc", "1.2.7", silent)[0]!,
    /^runc 1\.2\.7 may have CVE-2025-31133, .*fixed in 1\.2\.8/,
  );
  assert.equal(
    ["1.1.5+ds1", "1.2.8", "1.3.2", "1.3.3", "1.4.0-rc.1"].map((version) => faults(version)),
    [2, 1, 2, 1, 2],
  );
  assert.equal(
    ["1.3.6", "1.4.3", "1.4.10", "1.5.0-rc.1", "2.0.0"].map((version) => faults(version)),
    [0, 0, 0, 0, 0],
  );
  assert.is(faults("1.1.5", "* Fix CVE-2025-31133, CVE-2025-52565 and CVE-2025-52881"), 1);
  assert.equal(knownFaults("crun", "1.8.1", silent), []);
});

test("nothing is deprecated, in both formats", async () => {
  assert.is(await bench.ctr.ok("deprecations", "list"), "");
  assert.is(await bench.ctr.ok("deprecations", "list", "--format", "json"), "[]\n");
});

test("oci spec knows Linux, of any processor", async () => {
  const { ctr } = bench;
  assert.is(await ctr.ok("oci", "spec", "--platform", "linux/arm64"), await ctr.ok("oci", "spec"));
  const { code, stderr } = await ctr("oci", "spec", "--platform", "windows/amd64");
  assert.is(`${code} ${stderr}`, "1 ctr: runtime spec for windows: not implemented\n");
});

test("commands about the daemon, its shims and sandboxes say what to use instead", async () => {
  for (const line of [
    "pprof --debug-socket /x heap",
    "shim --id c1 state",
    "sandboxes run a.json b",
    "sb ls",
  ]) {
    const { code, stdout, stderr } = await bench.ctr(...line.split(" "));
    assert.is(code, 1, line);
    assert.match(stdout + stderr, /^ctr: (pprof|shim|sandboxes): [^\n]*: not implemented \([^\n]+\)\n$/);
  }
  const { code, stderr } = await bench.ctr("run", "--rm", "--sandbox", "s", bench.image, "c1", "true");
  assert.is(code, 1);
  assert.match(
    stderr,
    /^ctr: sandbox "s": not implemented \(let containers share namespaces with --with-ns\)\n$/,
  );
  assert.is(await bench.ctr.ok("containers", "list", "-q"), "");
});

test.run();
