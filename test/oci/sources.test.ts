import { writeFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { buildSpec } from "../../src/oci/build-spec.ts";
import type { SpecSource } from "../../src/oci/spec-input.ts";
import { tempDir } from "../support/temp.ts";
import { build, rejection } from "./build.ts";

const withSource = (source: SpecSource, flags = {}) =>
  buildSpec({ namespace: "default", id: "c1", source, ...flags });

test("a directory gives no environment and no groups of its own", async () => {
  const spec = await withSource({ kind: "directory", path: "/srv/root" }, { readOnly: true });
  assert.equal(spec.root, { path: "/srv/root", readonly: true });
  assert.is(spec.process?.env, undefined);
  assert.equal(spec.process?.user, { uid: 0, gid: 0 });
});

test("--user with a directory is looked up there", async () => {
  using dir = tempDir();
  writeFileSync(dir.join("root", "etc", "passwd"), "me:x:5:6::/:\n");
  const spec = await withSource({ kind: "directory", path: dir.join("root") }, { user: "me" });
  assert.equal(spec.process?.user, { uid: 5, gid: 6, additionalGids: [6] });
});

test("a spec file is taken whole: only labels reach it, and 64-bit numbers stay exact", async () => {
  using dir = tempDir();
  const text =
    '{"ociVersion":"1.2.0","process":{"user":{"uid":1,"gid":2},"cwd":"/","rlimits":[{"type":"RLIMIT_CORE","hard":18446744073709551615,"soft":0}]},"annotations":{"a":"1"},"x-vendor":{"deep":[-9223372036854775808]}}';
  writeFileSync(dir.join("config.json"), text);
  const spec = await withSource(
    { kind: "file", path: dir.join("config.json") },
    { env: ["A=1"], privileged: true, readOnly: true, labels: { l: "2" } },
  );
  assert.is(JSON.stringify(spec), text.replace('{"a":"1"}', '{"a":"1","l":"2"}'));
});

test("a spec file that is missing or no spec is named", async () => {
  using dir = tempDir();
  const path = dir.join("config.json");
  const missing = await rejection(withSource({ kind: "file", path }));
  assert.is(missing.code, "NotFound");
  assert.is(missing.message, `cannot load spec config file: open "${path}": no such file or directory`);
  for (const text of ["{", "[]", "null", "7"]) {
    writeFileSync(path, text);
    const bad = await rejection(withSource({ kind: "file", path }));
    assert.is(bad.code, "InvalidArgument");
    assert.match(
      bad.message,
      "decoding spec config file failed, current supported OCI runtime-spec : v1.0.2-dev:",
    );
  }
});

const FORBIDDEN = [
  "/proc/self/fd/7",
  "/proc/self/fd/7/../../..",
  "//proc//self/./fd/8/",
  "/tmp/../proc/self/fd/9",
  "/proc/1/fd",
  "/proc/thread-self/fd/7",
  "/proc/self/task/1/fd/7",
];

for (const cwd of FORBIDDEN) {
  test(`a working directory of ${cwd} is refused, wherever it comes from (CVE-2024-21626)`, async () => {
    using dir = tempDir();
    for (const attempt of [build({ cwd }), build({}, { WorkingDir: cwd })]) {
      assert.is((await rejection(attempt)).code, "InvalidArgument");
    }
    const path = dir.join("config.json");
    writeFileSync(path, JSON.stringify({ ociVersion: "1.0.2", process: { user: { uid: 0, gid: 0 }, cwd } }));
    assert.is((await rejection(withSource({ kind: "file", path }))).code, "InvalidArgument");
  });
}

test("ordinary working directories that look like it are fine", async () => {
  for (const cwd of ["/proc", "/proc/self/fdinfo", "/proc/sys/fs", "/srv/proc/self/fd/7"]) {
    assert.is((await build({ cwd })).process?.cwd, cwd);
  }
});

test("VOLUME and EXPOSE of an image change nothing (CVE-2022-23648)", async () => {
  const hostile = { Volumes: { "/../../etc": {}, "/": {} }, ExposedPorts: { "80/tcp": {} } };
  assert.equal(await build({}, hostile), await build());
});

test("what is built at the same time shares no environment (CVE-2021-21334)", async () => {
  const Env = ["PATH=/bin", "SHARED=image"];
  const specs = await Promise.all(
    ["a", "b", "c"].map((name) => build({ env: [`SHARED=${name}`, `OWN=${name}`], tty: true }, { Env })),
  );
  assert.equal(
    specs.map((spec) => spec.process?.env),
    ["a", "b", "c"].map((name) => ["PATH=/bin", `SHARED=${name}`, `OWN=${name}`, "TERM=xterm"]),
  );
  specs[0]?.process?.env?.push("LATE=1");
  assert.equal(Env, ["PATH=/bin", "SHARED=image"]);
  assert.not.ok(specs[1]?.process?.env?.includes("LATE=1"));
});

test("the input is never changed, and the spec holds no part of it", async () => {
  const mounts = [{ destination: "/data", type: "sysfs", options: ["ro"] }];
  const labels = { l: "1" };
  const spec = await build({ mounts, labels, privileged: true, args: ["a"] });
  assert.equal(spec.mounts?.at(-1)?.options, ["rw"]);
  spec.annotations ??= {};
  spec.annotations.more = "x";
  assert.equal(mounts, [{ destination: "/data", type: "sysfs", options: ["ro"] }]);
  assert.equal(labels, { l: "1" });
});

test("--privileged-without-host-devices opens no device", async () => {
  const plain = await build();
  const spec = await build({ privileged: true, privilegedWithoutHostDevices: true });
  assert.is(spec.linux?.devices, undefined);
  assert.equal(spec.linux?.resources?.devices, plain.linux?.resources?.devices);
  assert.is(spec.linux?.maskedPaths, undefined);
  assert.ok(spec.process?.capabilities?.bounding?.includes("CAP_SYS_ADMIN"));
});

test.run();
