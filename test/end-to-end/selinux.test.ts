import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { getXattr } from "../../src/sys/xattr.ts";
import { waitFor } from "../support/wait-for.ts";
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
    const words = ["sh", "-c", "echo new >/note; cat /proc/self/attr/current; exec sleep 1000"];
    await ctr.ok("containers", "create", "--selinux-label", PROCESS, image, "labelled", ...words);
    for (const _ of ["first start", "second start"]) {
      await ctr.ok("tasks", "start", "-d", "labelled");
      const seen = await ctr.ok("tasks", "exec", "labelled", "cat", "/proc/self/attr/current");
      assert.is(withoutNul(seen), PROCESS);
      const pid = /labelled\s+(\d+)/.exec(await ctr.ok("tasks", "list"))?.[1];
      assert.is(withoutNul(readFileSync(`/proc/${pid}/attr/current`, "utf8")), PROCESS);
      await waitFor(() => existsSync(`/proc/${pid}/root/note`), { what: "the new file" });
      for (const path of ["/", "/bin/busybox", "/note", "/dev/shm"]) {
        assert.match(labelOf(`/proc/${pid}/root${path}`), /^\w+:object_r:\w+:s0:c1,c2$/, path);
      }
      const isLogged = async () => withoutNul(await ctr.ok("tasks", "logs", "labelled")) === PROCESS;
      await waitFor(isLogged, { what: "the label in the log" });
      await ctr("tasks", "rm", "--force", "labelled");
    }
    await ctr.ok("containers", "delete", "labelled");
  },
);

withSelinux("a confined process has the streams that it is given, and not its caller's own", async () => {
  const { ctr, image } = bench;
  const run = (...words: string[]) => ["run", "--rm", "--selinux-label", PROCESS, image, "streams", ...words];
  const { stdout, stderr } = await ctr.with({ stdin: "in" })(...run("sh", "-c", "cat; echo err >&2"));
  assert.is(stdout, "in");
  assert.is(stderr, "err\n");
  const pipes = await ctr.ok(...run("sh", "-c", "readlink /proc/self/fd/0; readlink /proc/self/fd/1"));
  assert.not.match(pipes, /^pipe:/m);
});

withSelinux("--log-uri file:// is written to, and what was there before keeps its label", async () => {
  const { ctr, image, directory } = bench;
  const words = ["--log-uri", `file://${directory.join("new.log")}`, "--selinux-label", PROCESS];
  await ctr.ok("run", ...words, image, "logged", "echo", "hello");
  assert.is(readFileSync(directory.join("new.log"), "utf8"), "hello\n");
  assert.match(labelOf(directory.join("new.log")), /:s0:c1,c2$/);
  assert.not.match(labelOf(directory.path), /:c1,c2$/);
  await ctr.ok("containers", "delete", "logged");
});

withSelinux("files that cannot be shown under a label are refused, and leave nothing", async () => {
  const { ctr, image } = bench;
  const words = ["--snapshotter", "native", "--selinux-label", PROCESS];
  const { code, stderr } = await ctr("containers", "create", ...words, image, "native", "true");
  assert.is(code, 1);
  assert.match(stderr, /^ctr: SELinux label \S+ of files on a bind mount: failed precondition/);
  assert.is(await ctr.ok("containers", "list", "-q"), "");
});

// Debian's policy lets no program that runs from a shell do what criu does.
const isPermissive = hasSelinux && readFileSync("/sys/fs/selinux/enforce", "utf8") === "0";
(isPermissive ? test : test.skip)(
  "a restored process has the label that it had, or is not restored",
  async () => {
    const { ctr, image } = bench;
    await ctr.ok(
      "run",
      "-d",
      "--selinux-label",
      PROCESS,
      image,
      "saved",
      "sh",
      "-c",
      "while :; do sleep 1; done",
    );
    await ctr.ok("containers", "checkpoint", "--image", "--rw", "--task", "saved", "saved:1");
    await ctr("tasks", "rm", "--force", "saved");
    const { code, stderr } = await ctr("containers", "restore", "--rw", "--live", "restored", "saved:1");
    if (code !== 0) return assert.match(stderr, /selinux not supported/);
    const pid = /restored\s+(\d+)/.exec(await ctr.ok("tasks", "list"))?.[1];
    assert.is(withoutNul(readFileSync(`/proc/${pid}/attr/current`, "utf8")), PROCESS);
  },
);

const withoutNul = (text: string): string => text.replace(/\0$/, "");
const labelOf = (path: string): string =>
  withoutNul(Buffer.from(getXattr(path, "security.selinux") ?? []).toString());

test.run();
