import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readlinkSync,
  writeFileSync,
} from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { hasErrno } from "../../src/sys/errno.ts";
import { mountAt } from "../../src/sys/mount.ts";
import {
  CAP_MKNOD,
  CAP_SYS_ADMIN,
  CLONE_FS,
  CLONE_NEWNET,
  CLONE_NEWNS,
  enterNamespace,
  hasCapability,
  unshare,
} from "../../src/sys/namespaces.ts";
import { run } from "../support/run-program.ts";
import { tempDir } from "../support/temp.ts";

const SOURCES = JSON.stringify(`${import.meta.dirname}/../../src/sys`);
const namespaceOf = (kind: string) => readlinkSync(`/proc/thread-self/ns/${kind}`);

test("root has what it needs, and who dropped it knows", async () => {
  assert.ok(hasCapability(CAP_SYS_ADMIN));
  assert.ok(hasCapability(CAP_MKNOD));
  const program = `
    const { hasCapability, CAP_SYS_ADMIN, CAP_MKNOD } = await import(${SOURCES} + "/namespaces.ts");
    console.log(hasCapability(CAP_SYS_ADMIN), hasCapability(CAP_MKNOD));
  `;
  const command = ["setpriv", "--bounding-set=-mknod", "--inh-caps=-mknod", process.execPath, "-e", program];
  assert.is((await run(command)).stdout, "true false\n");
});

test("another network namespace is entered and left again", () => {
  const home = openSync("/proc/thread-self/ns/net", "r");
  const before = namespaceOf("net");
  unshare(CLONE_NEWNET);
  assert.is.not(namespaceOf("net"), before);
  assert.not.match(readFileSync("/proc/thread-self/net/dev", "utf8"), "eth");
  assert.throws(
    () => enterNamespace(home, CLONE_NEWNS),
    (error: unknown) => hasErrno(error, "EINVAL"),
  );
  enterNamespace(home, CLONE_NEWNET);
  closeSync(home);
  assert.is(namespaceOf("net"), before);
});

test("mounts made in a mount namespace of one's own are seen by no one else", () => {
  using dir = tempDir();
  mkdirSync(dir.join("m"));
  const home = openSync("/proc/thread-self/ns/mnt", "r");
  unshare(CLONE_FS | CLONE_NEWNS);
  try {
    mountAt({ type: "none", source: "", options: ["rprivate"] }, "/");
    mountAt({ type: "tmpfs", source: "tmpfs", options: [] }, dir.join("m"));
    writeFileSync(dir.join("m/x"), "");
  } finally {
    enterNamespace(home, CLONE_NEWNS);
    closeSync(home);
  }
  assert.not(existsSync(dir.join("m/x")));
});

test.run();
