import { readFileSync, writeFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { hasCode } from "../../src/core/errors.ts";
import { defaultSpec } from "../../src/oci/default-spec.ts";
import { defaultSeccomp } from "../../src/oci/seccomp-default.ts";
import { tempDir } from "../support/temp.ts";
import { build, rejection } from "./build.ts";

const reference = JSON.parse(
  readFileSync(new URL("../fixtures/oci/default-seccomp.json", import.meta.url), "utf8"),
);
const CAPABILITIES = defaultSpec("default").process?.capabilities?.bounding ?? [];

test("the default profile is containerd's, rule for rule", () => {
  assert.is(JSON.stringify(defaultSeccomp(CAPABILITIES, "x64")), JSON.stringify(reference));
});

test("CAP_SYS_ADMIN replaces the rules for clone and clone3 by one that allows them", () => {
  const { syscalls = [] } = defaultSeccomp([...CAPABILITIES, "CAP_SYS_ADMIN"], "x64");
  const clone = syscalls.filter(({ names }) => names.includes("clone") || names.includes("clone3"));
  assert.is(clone.length, 1);
  assert.is(clone[0]?.names.length, 24);
  assert.is(clone[0]?.action, "SCMP_ACT_ALLOW");
  assert.is(syscalls.length, reference.syscalls.length - 1);
});

test("each capability brings its own rule, and the profile is that of the resulting set", async () => {
  const spec = await build({ seccomp: true, capAdd: ["CAP_SYS_TIME"], capDrop: ["CAP_SYS_CHROOT"] });
  const names = spec.linux?.seccomp?.syscalls?.flatMap((rule) => rule.names) ?? [];
  assert.ok(names.includes("clock_settime"));
  assert.not.ok(names.includes("chroot"));
});

test("an unknown machine gets the rules that all machines share", () => {
  const { architectures, syscalls = [] } = defaultSeccomp(CAPABILITIES, "unheard-of");
  assert.equal(architectures, []);
  assert.not.ok(syscalls.some(({ names }) => names.includes("arch_prctl")));
  assert.ok(syscalls[0]?.names.includes("read"));
});

test("a profile of one's own is taken as it is, with 64-bit values intact", async () => {
  using dir = tempDir();
  const text = `{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["ioctl"],"action":"SCMP_ACT_ERRNO","args":[{"index":1,"value":18446744073709551615,"op":"SCMP_CMP_EQ"}]}]}`;
  writeFileSync(dir.join("profile.json"), text);
  const spec = await build({ seccomp: true, seccompProfile: dir.join("profile.json") });
  assert.is(JSON.stringify(spec.linux?.seccomp), text);
});

test("a profile needs --seccomp, a file, and JSON", async () => {
  using dir = tempDir();
  writeFileSync(dir.join("bad"), "{");
  const alone = await rejection(build({ seccompProfile: "x" }));
  assert.match(alone.message, "seccomp must be set to true, if using a custom seccomp-profile");
  const missing = await rejection(build({ seccomp: true, seccompProfile: dir.join("none") }));
  assert.ok(hasCode(missing, "NotFound"));
  assert.match(missing.message, /^cannot load seccomp profile ".*none": open .*no such file or directory$/);
  const bad = await rejection(build({ seccomp: true, seccompProfile: dir.join("bad") }));
  assert.ok(hasCode(bad, "InvalidArgument"));
});

test.run();
