import { existsSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { defaultProfile, loadDefaultProfile } from "../../src/oci/apparmor-profile.ts";
import { run } from "../support/run-program.ts";
import { build, rejection } from "./build.ts";

const LOADED = "/sys/kernel/security/apparmor/profiles";

test("the default profile denies mounts and what reaches the host, and names itself", async () => {
  const profile = await defaultProfile("ctr-test");
  assert.match(profile, "profile ctr-test flags=(attach_disconnected,mediate_deleted) {");
  assert.match(profile, /^deny mount,$/m);
  assert.match(profile, /^deny @\{PROC\}\/\{sysrq-trigger,mem,kmem,kcore\} rwklx,$/m);
  assert.match(profile, /^deny \/sys\/firmware\/\*\* rwklx,$/m);
  assert.match(profile, /^signal \(send,receive\) peer=ctr-test,$/m);
});

if (Bun.which("apparmor_parser")) {
  test("apparmor_parser understands the default profile", async () => {
    const stdin = await defaultProfile("ctr-test");
    const { code, stderr } = await run(["apparmor_parser", "-Q", "-K", "-T"], { stdin });
    assert.is(code, 0, stderr);
  });
} else {
  test.skip("apparmor_parser understands the default profile (it is not installed)", () => {});
}

if (existsSync(LOADED)) {
  test("a profile that is loaded already is left alone", async () => {
    const [first] = (await Bun.file(LOADED).text()).split(" (");
    if (first) await loadDefaultProfile(first);
    const spec = await build({ apparmorProfile: first });
    assert.is(spec.process?.apparmorProfile, first || undefined);
  });
} else {
  test("without AppArmor the default profile is an error that says so", async () => {
    const error = await rejection(build({ apparmorDefaultProfile: "ctr-test" }));
    assert.is(error.code, "NotFound");
    assert.is(error.message, `open "${LOADED}": no such file or directory`);
  });
}

test.run();
