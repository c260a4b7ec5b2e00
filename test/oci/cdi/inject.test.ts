import { writeFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Spec } from "../../../src/core/runtime-spec.ts";
import { injectCdiDevices } from "../../../src/oci/cdi/inject.ts";
import { isCdiName } from "../../../src/oci/cdi/name.ts";
import { type TempDir, tempDir } from "../../support/temp.ts";
import { build, rejection } from "../build.ts";

const FULL = `
cdiVersion: "1.1.0"
kind: acme.com/accelerator
containerEdits:
  env: ["ACME=1"]
  mounts:
    - {hostPath: /usr/lib/acme, containerPath: /usr/lib/acme, options: [ro, nosuid, rbind]}
devices:
  - name: "0"
    containerEdits:
      env: ["PATH=/acme:/bin", "ACME_ZERO=yes"]
      deviceNodes:
        - path: /dev/full
        - {path: /dev/acme0, hostPath: /dev/zero, permissions: r}
        - {path: /dev/absent, type: c, major: 200, minor: 7, fileMode: 384, uid: 5, gid: 6, permissions: none}
      mounts:
        - {hostPath: /etc/acme.json, containerPath: /etc/acme.json, options: [bind], type: bind}
        - {hostPath: /x, containerPath: /dev/shm, options: [bind]}
      hooks:
        - {hookName: createContainer, path: /bin/ldconfig, args: [ldconfig, -r], timeout: 3}
      additionalGids: [0, 44, 44]
      netDevices:
        - {hostInterfaceName: ens1, name: eth0}
      intelRdt: {closID: fast, enableMonitoring: true}
  - name: one
    containerEdits: {env: ["ACME_ONE=yes"]}
`;

/** The spec with devices of these files, `etc/NAME` and `run/NAME`. */
async function inject(
  dir: TempDir,
  files: Record<string, string>,
  names: string[],
  gpus: number[] = [],
  spec?: Spec,
): Promise<Spec> {
  for (const [name, text] of Object.entries(files)) writeFileSync(dir.join(name), text);
  const changed = spec ?? (await build());
  await injectCdiDevices(changed, names, gpus, [dir.join("etc"), dir.join("run")]);
  return changed;
}

const simple = (kind: string, value: string, ...names: string[]) =>
  JSON.stringify({
    cdiVersion: "0.6.0",
    kind,
    devices: names.map((name) => ({ name, containerEdits: { env: [`${name.toUpperCase()}=${value}`] } })),
  });

test("one device brings its own edits and, once, those of its file", async () => {
  using dir = tempDir();
  const before = await build();
  const spec = await inject(dir, { "etc/acme.yaml": FULL }, [
    "acme.com/accelerator=0",
    "acme.com/accelerator=one",
  ]);
  assert.equal(spec.process?.env, ["PATH=/acme:/bin", "ACME=1", "ACME_ZERO=yes", "ACME_ONE=yes"]);
  assert.equal(spec.linux?.devices, [
    { path: "/dev/full", type: "c", major: 1, minor: 7, fileMode: 0o666, uid: undefined, gid: undefined },
    { path: "/dev/acme0", type: "c", major: 1, minor: 5, fileMode: 0o666, uid: undefined, gid: undefined },
    { path: "/dev/absent", type: "c", major: 200, minor: 7, fileMode: 0o600, uid: 5, gid: 6 },
  ]);
  assert.equal(spec.linux?.resources?.devices?.slice(before.linux?.resources?.devices?.length), [
    { allow: true, type: "c", major: 1, minor: 7, access: "rwm" },
    { allow: true, type: "c", major: 1, minor: 5, access: "r" },
    { allow: true, type: "c", major: 200, minor: 7, access: "" },
  ]);
  assert.equal(spec.hooks, {
    createContainer: [{ path: "/bin/ldconfig", args: ["ldconfig", "-r"], timeout: 3 }],
  });
  assert.equal(spec.process?.user.additionalGids, [0, 44]);
  assert.equal(spec.linux?.netDevices, { ens1: { name: "eth0" } });
  assert.equal(spec.linux?.intelRdt, { closID: "fast", enableMonitoring: true });
});

test("mounts replace those at the same place, and shallow ones come first", async () => {
  using dir = tempDir();
  const spec = await inject(dir, { "etc/acme.yaml": FULL }, ["acme.com/accelerator=0"]);
  const depths = spec.mounts?.map(({ destination }) => destination.split("/").length) ?? [];
  assert.equal(
    depths,
    depths.toSorted((a, b) => a - b),
  );
  const shm = spec.mounts?.filter(({ destination }) => destination === "/dev/shm");
  assert.equal(shm, [{ destination: "/dev/shm", type: undefined, source: "/x", options: ["bind"] }]);
});

test("in a user namespace the mounts are mapped, and devices belong to the container's user", async () => {
  using dir = tempDir();
  const map = [{ containerID: 0, hostID: 1000, size: 10 }];
  const own = await build({ uidMappings: map, gidMappings: map }, { User: "7:8" });
  const spec = await inject(dir, { "etc/acme.yaml": FULL }, ["acme.com/accelerator=0"], [], own);
  const options = (at: string) => spec.mounts?.find(({ destination }) => destination === at)?.options;
  assert.equal(options("/usr/lib/acme"), ["ro", "nosuid", "rbind", "ridmap"]);
  assert.equal(options("/etc/acme.json"), ["bind", "idmap"]);
  assert.is(spec.linux?.devices?.[0]?.uid, 7);
  assert.is(spec.linux?.devices?.[0]?.gid, 8);
});

test("the later directory wins over the earlier one", async () => {
  using dir = tempDir();
  const files = {
    "etc/a.json": simple("v.com/c", "etc", "x", "y"),
    "run/a.json": simple("v.com/c", "run", "x"),
  };
  const spec = await inject(dir, files, ["v.com/c=x", "v.com/c=y"]);
  assert.equal(spec.process?.env, ["PATH=/bin", "X=run", "Y=etc"]);
});

test("a device that several files of one directory offer is nobody's", async () => {
  using dir = tempDir();
  const file = simple("v.com/c", "1", "x");
  const files = { "etc/a.json": file, "etc/b.json": file, "etc/c.json": file };
  const error = await rejection(inject(dir, files, ["v.com/c=x"]));
  assert.is(error.code, "NotFound");
  assert.match(error.message, "unresolvable CDI devices v.com/c=x");
  assert.match(error.message, "conflicting device v.com/c=x");
});

const BAD: readonly [text: string, why: string][] = [
  ["{", "JSON"],
  ['{"cdiVersion":"1","kind":"v.com/c","devices":[],"more":1}', 'unknown field "more"'],
  ['{"cdiVersion":"1","kind":"v.com/c"}', "lacks devices"],
  ['{"cdiVersion":"1","kind":"v.com/c","devices":[]}', "no device names"],
  ['{"cdiVersion":"1","kind":"vcom","devices":[{"name":"x","containerEdits":{}}]}', "bad kind"],
  ['{"cdiVersion":"1","kind":"v.com/c","devices":[{"name":"/x","containerEdits":{}}]}', "device names"],
  [
    '{"cdiVersion":"1","kind":"v.com/c","devices":[{"name":"x","containerEdits":{"env":["=x"]}}]}',
    "invalid environment",
  ],
  [
    '{"cdiVersion":"1","kind":"v.com/c","devices":[{"name":"x","containerEdits":{"env":"A=1"}}]}',
    "is no list",
  ],
  [
    '{"cdiVersion":"1","kind":"v.com/c","devices":[{"name":"x","containerEdits":{"hooks":[{"hookName":"x","path":"/x"}]}}]}',
    'invalid hook name "x"',
  ],
  [
    '{"cdiVersion":"1","kind":"v.com/c","devices":[{"name":"x","containerEdits":{"deviceNodes":[{"path":"/dev/x","type":"z"}]}}]}',
    "invalid type z",
  ],
];

for (const [text, why] of BAD) {
  test(`a bad file is told with its reason, and only keeps its own devices away: ${why}`, async () => {
    using dir = tempDir();
    const files = { "etc/bad.json": text, "etc/good.json": simple("w.com/c", "1", "g") };
    const error = await rejection(inject(dir, files, ["v.com/c=x"]));
    assert.match(error.message, why);
    assert.match(error.message, "bad.json");
    assert.equal((await inject(dir, files, ["w.com/c=g"])).process?.env, ["PATH=/bin", "G=1"]);
  });
}

test("a device node that the host lacks is an error unless it is fully described", async () => {
  using dir = tempDir();
  const text = FULL.replace("path: /dev/full", "path: /dev/none");
  const error = await rejection(inject(dir, { "etc/acme.yaml": text }, ["acme.com/accelerator=0"]));
  assert.is(error.code, "NotFound");
  assert.match(error.message, "/dev/none");
});

test("--gpus takes the vendor whose files are there, NVIDIA first", async () => {
  using dir = tempDir();
  const amd = { "etc/amd.json": simple("amd.com/gpu", "amd", "0") };
  assert.equal((await inject(dir, amd, [], [0])).process?.env, ["PATH=/bin", "0=amd"]);
  const both = { ...amd, "etc/nvidia.json": simple("nvidia.com/gpu", "nvidia", "0", "1") };
  assert.equal((await inject(dir, both, [], [1])).process?.env, ["PATH=/bin", "1=nvidia"]);
});

test("--gpus and --device say what is missing on a machine without such files", async () => {
  using dir = tempDir();
  const gpus = await rejection(inject(dir, {}, [], [0]));
  assert.match(gpus.message, "no known GPU vendor detected in CDI specs");
  assert.ok(gpus.hint);
  const device = await rejection(build({ devices: ["acme.com/none=1"] }));
  assert.match(device.message, "unresolvable CDI devices acme.com/none=1");
});

test("a path is never taken for a qualified name", () => {
  for (const name of ["nvidia.com/gpu=0", "a/b=c", "v-1.com/c_l=mig-1g.5gb:0"])
    assert.ok(isCdiName(name), name);
  for (const path of [
    "/dev/a=b",
    "./dev/a=b",
    "dev/a",
    "a=b",
    "a/b=",
    "1a/b=c",
    "a/b/c=d",
    "a./b=c",
    "a/b=c/d",
  ]) {
    assert.not.ok(isCdiName(path), path);
  }
});

test.run();
