import { test } from "uvu";
import * as assert from "uvu/assert";
import { CtrError } from "../../src/core/errors.ts";
import { parseMount } from "../../src/oci/mounts.ts";
import { parseIdMapping, parseNamespaceJoin } from "../../src/oci/namespaces.ts";
import { parseAnnotations, parseRlimit } from "../../src/oci/process.ts";
import { build, type Flags, rejection } from "./build.ts";

const PARSED: readonly [text: string, parse: (text: string) => unknown, message: string][] = [
  ["bind", parseMount, "invalid mount specification: expected key=val"],
  ["", parseMount, "invalid mount specification: expected key=val"],
  ["type=bind,", parseMount, "invalid mount specification: expected key=val"],
  ["x=y", parseMount, 'mount option "x" not supported'],
  ["=y", parseMount, 'mount option "" not supported'],
  ['type="bind', parseMount, "invalid mount specification"],
  ['"type=bind', parseMount, "invalid mount specification"],
  ['"type=bind"x', parseMount, "invalid mount specification"],
  ["net", parseNamespaceJoin, "requires the format 'nstype:path'"],
  ["net:/x", parseNamespaceJoin, "the Linux namespace type specified in --with-ns is not valid: net"],
  ["0:1", parseIdMapping, "user namespace mappings require the format `container-id:host-id:size`"],
  ["0:1:2:3", parseIdMapping, "user namespace mappings require the format `container-id:host-id:size`"],
  ["x:1:2", parseIdMapping, "invalid container id for user namespace remapping"],
  ["0:-1:2", parseIdMapping, "invalid host id for user namespace remapping"],
  ["0:1:", parseIdMapping, "invalid size for user namespace remapping"],
  ["0:4294967296:1", parseIdMapping, "invalid host id for user namespace remapping"],
  ["x", (text) => parseAnnotations(["a=b", text]), "invalid key=value format annotation: x"],
  ["a", parseRlimit, 'failed to parse rlimit-nofile "a"'],
  ["1:2:3", parseRlimit, "failed to parse rlimit-nofile"],
  ["-1", parseRlimit, "failed to parse rlimit-nofile"],
  ["18446744073709551616", parseRlimit, "failed to parse rlimit-nofile"],
];

for (const [text, parse, message] of PARSED) {
  test(`${JSON.stringify(text)}: ${message}`, () => {
    assert.throws(() => parse(text), refusal(message));
  });
}

const BUILT: readonly [flags: Flags, message: string][] = [
  [{ capAdd: ["SYS_ADMIN"] }, "capabilities must be specified with 'CAP_' prefix"],
  [{ capDrop: ["all"] }, "capabilities must be specified with 'CAP_' prefix"],
  [{ cpus: 1, cpuQuota: 5 }, "cpus and quota/period should be used separately"],
  [{ cpus: 1, cpuPeriod: 5 }, "cpus and quota/period should be used separately"],
  [
    { privilegedWithoutHostDevices: true },
    "can't use 'privileged-without-host-devices' without 'privileged' specified",
  ],
  [
    { apparmorProfile: "a", apparmorDefaultProfile: "b" },
    "apparmor-profile conflicts with apparmor-default-profile",
  ],
  [{ apparmorDefaultProfile: "a {} profile b" }, "AppArmor profile name"],
  [{ devices: ["/etc/passwd"] }, 'device path "/etc/passwd" is not a device node'],
];

for (const [flags, message] of BUILT) {
  test(`${JSON.stringify(flags)}: ${message}`, async () => {
    assert.ok(refusal(message)(await rejection(build(flags))));
  });
}

test("a device or env file that is missing is named", async () => {
  const device = await rejection(build({ devices: ["/dev/none"] }));
  assert.is(device.code, "NotFound");
  assert.is(device.message, 'error stating device path: stat "/dev/none": no such file or directory');
  const env = await rejection(build({ envFile: "/none" }));
  assert.is(env.code, "NotFound");
  assert.is(env.message, 'open "/none": no such file or directory');
});

test("numbers up to 64 bits stay exact", () => {
  assert.is(
    JSON.stringify(parseRlimit("1024:18446744073709551615")),
    '{"soft":1024,"hard":18446744073709551615}',
  );
  assert.equal(parseRlimit("7"), { soft: 7, hard: 7 });
});

function refusal(message: string) {
  return (error: unknown) =>
    error instanceof CtrError && error.code === "InvalidArgument" && error.message.includes(message);
}

test.run();
