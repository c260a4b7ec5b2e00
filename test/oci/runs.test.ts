import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { ContainerDefaults } from "../../src/core/image-config.ts";
import { buildSpec } from "../../src/oci/build-spec.ts";
import { removeCgroupsNamed } from "../support/cgroups.ts";
import { run } from "../support/run-program.ts";
import { type TempDir, tempDir } from "../support/temp.ts";
import type { Flags } from "./build.ts";

const missing = ["runc", "busybox"].filter((name) => !Bun.which(name)).join(", ");
const runs = suite(`runc runs what was built${missing ? ` (${missing} not installed)` : ""}`);
const check = missing ? runs.skip : runs;

const APPLETS = ["sh", "cat", "grep", "env", "id", "ls", "mount", "ulimit", "hostname", "touch", "head"];

/** Runs it by runc and answers its output. */
async function output(dir: TempDir, args: string[], flags: Flags = {}, config: ContainerDefaults = {}) {
  const rootfs = makeRootfs(dir);
  const namespace = `spec-${process.pid}`;
  const spec = await buildSpec({
    namespace,
    id: "c",
    source: { kind: "image", config, openRootfs: async () => rootfs },
    args,
    ...flags,
  });
  writeFileSync(dir.join("bundle", "config.json"), JSON.stringify(spec));
  try {
    const command = ["runc", "--root", dir.join("state"), "run", "--bundle", dir.join("bundle"), namespace];
    const { code, stdout, stderr } = await run(command, { timeoutMs: 20_000 });
    assert.is(code, 0, stdout + stderr);
    return stdout.trimEnd();
  } finally {
    removeCgroupsNamed(namespace);
  }
}

function makeRootfs(dir: TempDir): string {
  const rootfs = dir.join("bundle", "rootfs");
  for (const name of ["bin", "etc", "proc", "sys", "dev", "tmp", "run"]) {
    mkdirSync(`${rootfs}/${name}`, { recursive: true });
  }
  copyFileSync(Bun.which("busybox") ?? "", `${rootfs}/bin/busybox`);
  for (const name of APPLETS) symlinkSync("busybox", `${rootfs}/bin/${name}`);
  writeFileSync(`${rootfs}/etc/passwd`, "root:x:0:0::/:/bin/sh\nwww:x:1000:1001::/:/bin/sh\n");
  writeFileSync(`${rootfs}/etc/group`, "root:x:0:\nweb:x:1001:\nextra:x:2000:www\n");
  return rootfs;
}

check("as root by default, and without one inheritable or ambient capability (CVE-2022-27649)", async () => {
  using dir = tempDir();
  const status = await output(dir, ["grep", "-E", "^(Uid|Cap|NoNewPrivs)", "/proc/self/status"]);
  assert.match(status, /^Uid:\t0\t0\t0\t0$/m);
  assert.match(status, /^CapInh:\t0000000000000000$/m);
  assert.match(status, /^CapAmb:\t0000000000000000$/m);
  assert.match(status, /^CapBnd:\t00000000a80425fb$/m);
  assert.match(status, /^NoNewPrivs:\t1$/m);
});

check("as the image's user, with its groups, directory and environment", async () => {
  using dir = tempDir();
  const words = await output(
    dir,
    ["sh", "-c", "id; pwd; env"],
    { env: ["B=2"] },
    {
      User: "www",
      WorkingDir: "/tmp",
      Env: ["PATH=/bin", "A=1"],
    },
  );
  assert.match(words, "uid=1000(www) gid=1001(web) groups=1001(web),2000(extra)\n/tmp\n");
  assert.match(words, /^A=1$/m);
  assert.match(words, /^B=2$/m);
});

check("with default seccomp, mounts, a host name, limits and a read-only root", async () => {
  using dir = tempDir();
  writeFileSync(dir.join("shared", "file"), "from the host\n");
  const script = "cat /data/file; hostname; ulimit -n; touch /x 2>&1; grep ^Seccomp: /proc/self/status";
  const words = await output(dir, ["sh", "-c", script], {
    seccomp: true,
    mounts: [{ destination: "/data", type: "bind", source: dir.join("shared"), options: ["rbind", "ro"] }],
    hostname: "inside",
    rlimitNofile: { soft: 512, hard: 600 },
    readOnly: true,
    memoryLimitBytes: 64 << 20,
    devices: ["/dev/full"],
  });
  const lines = words.split("\n");
  assert.equal(lines.slice(0, 3), ["from the host", "inside", "512"]);
  assert.match(lines[3] ?? "", "Read-only file system");
  assert.match(words, /^Seccomp:\t2$/m);
});

check("privileged: all capabilities, the host's devices, and /sys to write", async () => {
  using dir = tempDir();
  const script =
    "grep ^CapEff /proc/self/status; ls -l /dev/loop-control /dev/kmsg; mount | grep ' on /sys '";
  const words = await output(dir, ["sh", "-c", script], { privileged: true });
  const own = execFileSync("grep", ["^CapEff", "/proc/self/status"], { encoding: "utf8" }).trim();
  assert.match(words, own);
  assert.match(words, "/dev/kmsg");
  assert.match(words, /\/sys type sysfs \(rw/);
});

check("the host's network and its name", async () => {
  using dir = tempDir();
  const words = await output(dir, ["sh", "-c", "ls -l /proc/self/ns/net; cat /etc/hosts"], { netHost: true });
  const net = execFileSync("readlink", ["/proc/self/ns/net"], { encoding: "utf8" }).trim();
  assert.match(words, net);
  assert.match(words, execFileSync("cat", ["/etc/hosts"], { encoding: "utf8" }).trim());
});

runs.run();
