import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { openWorkbench, type Workbench } from "../support/workbench.ts";

const PROCESS = "system_u:system_r:container_t:s0:c1,c2";
const hasSelinux = existsSync("/sys/fs/selinux/context");

let bench: Workbench;
const test = suite("SELinux labels");
test.before(async () => {
  bench = await openWorkbench({ isPulled: hasSelinux });
});
test.after(async () => {
  await bench[Symbol.asyncDispose]();
});
const withSelinux = hasSelinux ? test : test.skip;
const withoutSelinux = hasSelinux ? test.skip : test;

withoutSelinux("where the host has none, --selinux-label is refused before the image is pulled", async () => {
  const { ctr, image } = bench;
  for (const flag of ["--selinux-label", "--selinux-mount-label"]) {
    const { code, stdout, stderr } = await ctr("run", "--rm", flag, PROCESS, image, "labelled", "true");
    assert.is(code, 1);
    assert.is(stdout, "");
    assert.match(stderr, /^ctr: SELinux label \S+ on a host without SELinux: failed precondition \(.*\)\n$/);
  }
  assert.is(await ctr.ok("images", "list", "-q"), "");
  assert.is(await ctr.ok("containers", "list", "-q"), "");
});

withoutSelinux(
  "a spec file that asks for a label is refused too, whichever runtime would overlook it",
  async () => {
    const { ctr, directory } = bench;
    const spec = JSON.parse(await ctr.ok("oci", "spec"));
    spec.process.selinuxLabel = PROCESS;
    writeFileSync(directory.join("spec.json"), JSON.stringify(spec));
    const words = ["--runc-binary", "crun", "--config", directory.join("spec.json"), "labelled"];
    const { code, stderr } = await ctr("run", ...words);
    assert.is(code, 1);
    assert.match(stderr, /^ctr: SELinux label \S+ on a host without SELinux: failed precondition/);
    assert.is(await ctr.ok("containers", "list", "-q"), "");
  },
);

test("what is no label is refused", async () => {
  const { ctr, image } = bench;
  const { code, stderr } = await ctr(
    "run",
    "--rm",
    "--selinux-label",
    "container_t",
    image,
    "labelled",
    "true",
  );
  assert.is(code, 1);
  assert.match(stderr, /^ctr: SELinux label "container_t": invalid argument \(write USER:ROLE:TYPE:LEVEL/);
});

withSelinux(
  "processes and files of a container have their labels, at every start and in every exec",
  async () => {
    const { ctr, image } = bench;
    const look =
      "cat /proc/self/attr/current; echo; ls -Zd / /bin/busybox /dev/shm; echo new >/note; ls -Z /note";
    await ctr.ok(
      "containers",
      "create",
      "--selinux-label",
      PROCESS,
      image,
      "labelled",
      "sh",
      "-c",
      `${look}; sleep 1000`,
    );
    for (const _ of ["first start", "second start"]) {
      await ctr.ok("tasks", "start", "-d", "labelled");
      const seen = await ctr.ok("tasks", "exec", "labelled", "sh", "-c", look);
      assert.match(seen, new RegExp(`^${PROCESS}\0?\n`));
      assert.is(seen.match(/:object_r:container_file_t:s0:c1,c2 /g)?.length, 4, seen);
      const pid = /labelled\s+(\d+)/.exec(await ctr.ok("tasks", "list"))?.[1];
      assert.match(readFileSync(`/proc/${pid}/attr/current`, "utf8"), new RegExp(`^${PROCESS}`));
      await ctr("tasks", "rm", "--force", "labelled");
    }
  },
);

test.run();
