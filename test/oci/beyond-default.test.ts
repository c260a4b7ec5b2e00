import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseExactJson } from "../../src/core/exact-json.ts";
import type { Spec } from "../../src/core/runtime-spec.ts";
import { beyondDefault } from "../../src/oci/beyond-default.ts";
import { decodeSpecPart, encodeSpecPart } from "../../src/oci/checkpoint-parts.ts";
import { build, type Flags } from "./build.ts";

/** What a checkpoint asks for whose spec is that of `run` with these flags, changed by whoever made it. */
async function demands(flags: Flags, change = (text: string): string => text): Promise<string[]> {
  const text = change(JSON.stringify(await build(flags)));
  return beyondDefault(decodeSpecPart(encodeSpecPart(parseExactJson(text) as object)));
}

const ids = [{ containerID: 0, hostID: 100000, size: 65536 }];
const NOTHING: readonly Flags[] = [
  {},
  { tty: true },
  { memoryLimitBytes: 1 << 24, cpus: 0.5 },
  { seccomp: true, apparmorProfile: "x", readOnly: true },
  { uidMappings: ids, gidMappings: ids },
];
for (const flags of NOTHING) {
  test(`nothing beyond the default is in a spec of ${JSON.stringify(flags)}`, async () => {
    assert.equal(await demands(flags), []);
  });
}

test("a limit beyond what a double holds is no demand, and comes out as it went in", async () => {
  const text = JSON.stringify(await build()).replace('"hard":1024', '"hard":18446744073709551615');
  const spec = decodeSpecPart(encodeSpecPart(parseExactJson(text) as object));
  assert.equal(beyondDefault(spec), []);
  assert.is(JSON.stringify(spec), text);
});

const HOOK = '{"prestart":[{"path":"/bin/touch","args":["touch","/tmp/x"]}]}';
const DEMANDS: readonly [find: RegExp, replace: string, demand: string][] = [
  [/}$/, `,"hooks":${HOOK}}`, "hooks"],
  // Go takes each of these for the field that we know.
  [/}$/, `,"Hooks":${HOOK}}`, 'field "Hooks"'],
  [/}$/, `,"hoo\u212as":${HOOK}}`, 'field "hoo\u212as"'],
  [/}$/, ',"Linux":{"devices":[]}}', 'field "Linux"'],
  [/"process":{/, '"process":{"Capabilities":{"bounding":["CAP_SYS_ADMIN"]},', 'field "Capabilities"'],
  [
    /"mounts":\[/,
    '"mounts":[{"destination":"/x","type":"tmpfs","Options":["rbind"],"Source":"/"},',
    'field "Options"',
  ],
  [/{"type":"pid"}/, '{"type":"pid","Path":"/proc/1/ns/pid"}', 'field "Path"'],
  [/"resources":{/, '"resources":{"Devices":[{"allow":true,"access":"rwm"}],', 'field "Devices"'],
  [/"mounts":\[/, '"mounts":[{"destination":"/x","type":"bind","source":"/"},', "mount of / on /x"],
  // What is masked and read-only is so below /proc alone.
  [/"mounts":\[/, '"mounts":[{"destination":"/x","type":"proc","source":"proc"},', "mount of proc on /x"],
  [/("nosuid","noexec","nodev","ro")/, '$1,"rw"', "writable sysfs on /sys"],
  [/"process":{/, '"process":{"oomScoreAdj":-1000,', "being spared when memory runs out"],
  [/"process":{/, '"process":{"selinuxLabel":"u:r:spc_t:s0",', 'SELinux label "u:r:spc_t:s0"'],
];
for (const [find, replace, demand] of DEMANDS) {
  test(`${JSON.stringify(replace)} is a demand`, async () => {
    assert.ok((await demands({}, (text) => text.replace(find, replace))).includes(demand));
  });
}

const bind = { destination: "/host", source: "/etc", options: ["rbind"] };
const GREEDY: [change: (spec: Spec) => void, demand: string][] = [
  [(spec) => void spec.mounts!.push({ ...bind, type: "bind" }), "mount of /etc on /host"],
  [(spec) => void spec.mounts!.push({ ...bind, type: "tmpfs" }), "mount of /etc on /host"],
  [
    (spec) => void spec.mounts!.push({ destination: "/d", type: "ext4", source: "/dev/vda" }),
    "mount of /dev/vda on /d",
  ],
  [(spec) => void spec.mounts!.push({ destination: "/s", type: "sysfs" }), "writable sysfs on /s"],
  [(spec) => void spec.mounts!.push({ destination: "/x" }), "mount of  on /x"],
  [
    (spec) => {
      spec.hooks = { prestart: [{ path: "/bin/true" }] };
    },
    "hooks",
  ],
  [
    (spec) => {
      spec.process!.capabilities!.inheritable = ["CAP_SYS_ADMIN"];
    },
    "CAP_SYS_ADMIN",
  ],
  [
    (spec) => {
      spec.process!.noNewPrivileges = false;
    },
    "new privileges",
  ],
  [
    (spec) => {
      spec.process!.oomScoreAdj = -1000;
    },
    "being spared when memory runs out",
  ],
  [(spec) => void spec.linux!.namespaces!.pop(), "the host's network namespace"],
  [
    (spec) => {
      spec.linux!.namespaces![0]!.path = "/proc/1/ns/pid";
    },
    "pid namespace /proc/1/ns/pid",
  ],
  [(spec) => void spec.linux!.maskedPaths!.shift(), "access to /proc/acpi"],
  [
    (spec) => {
      spec.linux!.readonlyPaths = [];
    },
    "access to /proc/bus",
  ],
  [(spec) => void spec.linux!.resources!.devices!.shift(), "devices of the host"],
  [
    (spec) => void spec.linux!.resources!.devices!.push({ allow: true, access: "rwm" }),
    "devices of the host",
  ],
  [
    (spec) => {
      spec.linux!.resources!.devices = [];
    },
    "devices of the host",
  ],
  [(spec) => void delete spec.linux!.resources, "devices of the host"],
  [
    (spec) => {
      spec.linux!.devices = [];
    },
    "devices",
  ],
  [
    (spec) => {
      spec.linux!.netDevices = {};
    },
    "netDevices",
  ],
  [
    (spec) => {
      spec.linux!.seccomp = { defaultAction: "SCMP_ACT_NOTIFY", listenerPath: "/s" } as never;
    },
    'field "listenerPath"',
  ],
];

for (const [change, demand] of GREEDY) {
  test(`${demand} is more`, async () => {
    const spec = await build();
    change(spec);
    assert.ok(beyondDefault(spec).includes(demand), beyondDefault(spec).join(", "));
  });
}

test("a spec without Linux parts has everything of the host's", () => {
  const demands = beyondDefault({ ociVersion: "1.0.2" });
  for (const demand of ["the host's mount namespace", "new privileges", "devices of the host"]) {
    assert.ok(demands.includes(demand), demand);
  }
});

test.run();
