import { writeFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { ContainerDefaults } from "../../src/core/image-config.ts";
import type { Spec } from "../../src/core/runtime-spec.ts";
import { buildSpec } from "../../src/oci/build-spec.ts";
import { containerLabels } from "../../src/oci/container-labels.ts";
import { decodeRuncOptions, encodeRuncOptions } from "../../src/oci/runtime-options.ts";
import { type Oracle, oracleMissing, startOracle } from "../support/containerd.ts";
import { type TempDir, tempDir } from "../support/temp.ts";
import { build, type Flags } from "./build.ts";
import { FLAG_CASES } from "./flag-cases.ts";
import { importImage, mountImage, userLayer } from "./oracle-image.ts";

interface Context {
  dir: TempDir;
  oracle: Oracle;
  layer: ReturnType<typeof userLayer>;
  image: string;
  rootfs: string;
  lastId: number;
}

const PLAIN: ContainerDefaults = { Env: ["PATH=/bin"], Cmd: ["sh"] };
const missing = oracleMissing();
const compare = suite<Context>(`the real ctr makes the same spec${missing ? ` (${missing})` : ""}`);
const check = missing ? compare.skip : compare;

if (!missing) {
  compare.before(async (context) => {
    context.dir = tempDir();
    context.oracle = await startOracle(context.dir.path);
    context.layer = userLayer();
    context.image = await importImage(context.oracle, context.dir, {
      name: "plain",
      layer: context.layer,
      config: PLAIN,
    });
    context.lastId = 0;
    await context.oracle.ok("containers", "create", context.image, "unpack");
    context.rootfs = await mountImage(context.oracle, context.dir, context.image);
  });
  compare.after(async ({ dir, oracle }) => {
    await oracle[Symbol.asyncDispose]();
    dir[Symbol.dispose]();
  });
}

for (const { name, words, on, flags } of FLAG_CASES) {
  if (!words) continue;
  check(name, async (context) => {
    const id = `c${++context.lastId}`;
    if (on === "run") {
      const shares = "cpuShares" in flags ? [] : ["--cpu-shares", "0"];
      // Whether it can start is the runtime's affair; the container and its spec are there.
      await context.oracle("run", "-d", "--null-io", ...shares, ...words, context.image, id, "sleep", "100");
    } else {
      await context.oracle.ok("containers", "create", ...words, context.image, id, "sleep", "100");
    }
    assert.equal(await ourSpec(context, id, flags), await realSpec(context, id));
    await context.oracle("tasks", "delete", "--force", id);
  });
}

check("--env-file", async (context) => {
  const file = context.dir.join("env");
  writeFileSync(file, "# x=1\nPATH=/file\n A = 'b' \nnone\nD=1\nD=2\nE=file\r\n");
  const words = ["--env-file", file, "--env", "E=flag", "--env", "D=3"];
  await checkWords(context, words, { envFile: file, env: ["E=flag", "D=3"] });
});

for (const flags of [[], ["--cap-add", "CAP_SYS_ADMIN"], ["--cap-drop", "CAP_SYS_CHROOT"]]) {
  check(`--seccomp ${flags.join(" ")}`, async (context) => {
    const [flag, name = ""] = flags;
    await checkWords(context, ["--seccomp", ...flags], {
      seccomp: true,
      capAdd: flag === "--cap-add" ? [name] : [],
      capDrop: flag === "--cap-drop" ? [name] : [],
    });
  });
}

check("--seccomp with a profile of one's own", async (context) => {
  const profile = context.dir.join("profile.json");
  writeFileSync(
    profile,
    JSON.stringify({
      defaultAction: "SCMP_ACT_ALLOW",
      syscalls: [{ names: ["mount"], action: "SCMP_ACT_ERRNO" }],
    }),
  );
  const words = ["--seccomp", "--seccomp-profile", profile];
  await checkWords(context, words, { seccomp: true, seccompProfile: profile });
});

check("--privileged, with what may be taken away from it", async (context) => {
  await checkWords(context, ["--privileged"], { privileged: true });
  const words = ["--privileged", "--cap-drop", "CAP_SYS_BOOT", "--seccomp", "--device", "/dev/null"];
  await checkWords(context, words, {
    privileged: true,
    capDrop: ["CAP_SYS_BOOT"],
    seccomp: true,
    devices: ["/dev/null"],
  });
});

check("--device of a directory", async (context) => {
  await checkWords(context, ["--device", "/dev/net"], { devices: ["/dev/net"] });
});

const CONFIGS: readonly ContainerDefaults[] = [
  {},
  { Entrypoint: ["/bin/sh", "-c"], Cmd: ["env"], WorkingDir: "/tmp", StopSignal: "SIGKILL" },
  {
    Cmd: ["id"],
    Labels: { a: "config", b: "config" },
    Volumes: { "/../../etc": {} },
    ExposedPorts: { "80/tcp": {} },
  },
  { Cmd: ["id"], User: "www", Env: ["A=1", "B=2"] },
  { Cmd: ["id"], User: "1000" },
  { Cmd: ["id"], User: "www:extra" },
  { Cmd: ["id"], User: "1000:7" },
  { Cmd: ["id"], User: "4000" },
  { Cmd: ["id"], User: "4000:4001" },
  { Cmd: ["id"], User: "4000:extra" },
  { Cmd: ["id"], User: "alone:" },
];

for (const [index, config] of CONFIGS.entries()) {
  check(`an image with ${JSON.stringify(config)}`, async (context) => {
    const { oracle, dir, layer } = context;
    const image = await importImage(oracle, dir, { name: `i${index}`, layer, config });
    const id = `i${index}`;
    await oracle.ok("containers", "create", "--label", "b=flag", image, id);
    const ours = await ourSpec(
      context,
      id,
      { args: [], labels: { b: "flag" } },
      { Env: undefined, Cmd: undefined, ...config },
    );
    assert.equal(ours, await realSpec(context, id));
    const real = JSON.parse(await oracle.ok("containers", "info", id));
    const record = await imageLabels(oracle, image);
    assert.equal(containerLabels({ image: record, config, given: { b: "flag" } }), real.Labels);
  });
}

check("an unknown user of the image fails with both", async (context) => {
  const { oracle, dir, layer, rootfs } = context;
  const config = { User: "stranger" };
  const image = await importImage(oracle, dir, { name: "stranger", layer, config });
  const { code, stderr } = await oracle("containers", "create", image, "stranger");
  assert.is(code, 1);
  assert.match(stderr, "no users found");
  const ours = await build({}, config, rootfs).catch((error: Error) => error.message);
  assert.match(String(ours), "no users found");
});

check("--rootfs", async (context) => {
  const { oracle, rootfs } = context;
  await oracle.ok("containers", "create", "--rootfs", "--env", "A=1", rootfs, "bare", "sleep", "100");
  const ours = await buildSpec({
    namespace: oracle.namespace,
    id: "bare",
    source: { kind: "directory", path: rootfs },
    env: ["A=1"],
    args: ["sleep", "100"],
  });
  assert.equal(written(ours), await realSpec(context, "bare"));
});

check("--runc-binary and --runc-root", async (context) => {
  const { oracle, dir, image } = context;
  const root = dir.join("runc");
  await oracle(
    "run",
    "-d",
    "--null-io",
    "--runc-binary",
    "/bin/false",
    "--runc-root",
    root,
    image,
    "options",
  );
  const { Runtime } = JSON.parse(await oracle.ok("containers", "info", "options"));
  const { type_url: typeUrl, value } = Runtime.Options;
  assert.equal(encodeRuncOptions({ binaryName: "/bin/false", root }), { typeUrl, value });
  assert.equal(decodeRuncOptions({ typeUrl, value }), { binaryName: "/bin/false", root });
});

check("no runtime options at all", async ({ oracle, image }) => {
  await oracle.ok("containers", "create", image, "no-options");
  const { Runtime } = JSON.parse(await oracle.ok("containers", "info", "no-options"));
  assert.equal(Runtime.Options, { type_url: encodeRuncOptions({}).typeUrl });
});

async function checkWords(context: Context, words: readonly string[], flags: Flags): Promise<void> {
  const id = `c${++context.lastId}`;
  await context.oracle.ok("containers", "create", ...words, context.image, id, "sleep", "100");
  assert.equal(await ourSpec(context, id, flags), await realSpec(context, id));
}

async function ourSpec(
  { oracle, rootfs }: Context,
  id: string,
  flags: Flags,
  config: ContainerDefaults = PLAIN,
): Promise<Spec> {
  return written(await build({ namespace: oracle.namespace, id, ...flags }, config, rootfs));
}

async function realSpec({ oracle }: Context, id: string): Promise<Spec> {
  return JSON.parse(await oracle.ok("containers", "info", "--spec", id));
}

async function imageLabels(oracle: Oracle, image: string): Promise<Record<string, string>> {
  const listing = await oracle.ok("images", "list", `name==${image}`);
  const labels = listing.trimEnd().split("\n")[1]?.trim().split(/\s+/).at(-1) ?? "-";
  return labels === "-" ? {} : Object.fromEntries(labels.split(",").map((label) => label.split("=")));
}

/** As it is written: absent values are no keys. */
const written = (spec: Spec): Spec => JSON.parse(JSON.stringify(spec));

compare.run();
