import { execFileSync } from "node:child_process";
import { mkdirSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { CtrError } from "../../src/core/errors.ts";
import { resolveUser } from "../../src/oci/user.ts";
import { type TempDir, tempDir } from "../support/temp.ts";
import { build, rejection } from "./build.ts";

const PASSWD = `root:x:0:0:root:/root:/bin/sh
www:x:1000:1001:web:/home:/bin/sh

 # comment
short:x
huge:x:4294967296:5::/:
bigger:x:2147483648:5::/:
far:x:6:4294967296::/:
text:x:abc:0::/:
minus:x:-1:0::/:
none:x:::::
4294967296:x:0:0::/:
99999999999999999999:x:0:0::/:
`;
const GROUP = `root:x:0:
web:x:1001:www
extra:x:2000:nobody, www
www:x:3000:www
text:x:abc:www
huge:x:4294967296:other
`;

/** A root filesystem with these files in /etc. */
function rootfs(dir: TempDir, files: Record<string, string> = { passwd: PASSWD, group: GROUP }): string {
  for (const [name, content] of Object.entries(files)) writeFileSync(dir.join("root", "etc", name), content);
  mkdirSync(dir.join("root", "etc"), { recursive: true });
  return dir.join("root");
}

const RESOLVED: readonly [text: string, uid: number, gid: number][] = [
  ["www", 1000, 1001],
  ["1000", 1000, 1001],
  ["0", 0, 0],
  ["+5", 5, 0],
  ["4000", 4000, 0],
  ["2147483647", 2147483647, 0],
  ["4000:2147483647", 4000, 2147483647],
  ["www:extra", 1000, 2000],
  ["1000:7", 1000, 7],
  ["7:web", 7, 1001],
  [":7", 0, 7],
  ["www:", 1000, 0],
];

for (const [text, uid, gid] of RESOLVED) {
  test(`${text} is ${uid}:${gid}`, () => {
    using dir = tempDir();
    assert.equal(resolveUser(rootfs(dir), text), { uid, gid, additionalGids: [gid] });
  });
}

const REFUSED: readonly [text: string, why: RegExp][] = [
  ["stranger", /no users found/],
  ["short", /no users found/],
  ["www:strangers", /no groups found/],
  ["a:b:c", /invalid USER value "a:b:c"/],
  ["text", /no users found/],
  ["minus", /no users found/],
  ["none", /no users found/],
  ["-1", /uid out of range/],
  ["0:-1", /gid out of range/],
  ["2147483648", /uid out of range/],
  ["4294967295", /uid out of range/],
  ["4294967296", /uid out of range/],
  ["4294967296:0", /uid out of range/],
  ["0:4294967296", /gid out of range/],
  ["99999999999999999999", /uid out of range/],
  ["huge", /uid out of range/],
  ["bigger", /uid out of range/],
  ["far", /gid out of range/],
  ["6", /gid out of range/],
  ["www:huge", /gid out of range/],
  ["www:text", /no groups found/],
];

for (const [text, why] of REFUSED) {
  test(`${text} is refused: ${why.source} (CVE-2024-40635, CVE-2026-46680)`, () => {
    using dir = tempDir();
    const root = rootfs(dir);
    assert.throws(
      () => resolveUser(root, text),
      (error: unknown) =>
        error instanceof CtrError && error.code === "InvalidArgument" && why.test(error.message),
    );
  });
}

test("without files, numbers are themselves and names are unknown", () => {
  using dir = tempDir();
  const root = rootfs(dir, {});
  assert.equal(resolveUser(root, "12"), { uid: 12, gid: 0, additionalGids: [0] });
  assert.throws(() => resolveUser(root, "root"), /no users found/);
});

test("a link to a file inside counts, as the container would see it", () => {
  using dir = tempDir();
  const root = rootfs(dir, { real: PASSWD });
  symlinkSync("/etc/real", dir.join("root", "etc", "passwd"));
  assert.is(resolveUser(root, "www").uid, 1000);
});

test("a link out of the root filesystem names nothing there", () => {
  using dir = tempDir();
  writeFileSync(dir.join("outside"), "spy:x:77:77::/:\n");
  const root = rootfs(dir, {});
  for (const target of ["../../outside", dir.join("outside"), "/proc/self/root/etc/passwd"]) {
    using links = tempDir();
    const inner = rootfs(links, {});
    symlinkSync(target, links.join("root", "etc", "passwd"));
    assert.throws(() => resolveUser(inner, "spy"), /no users found/, target);
    assert.is(resolveUser(inner, "1000").gid, 0);
  }
  symlinkSync("/", dir.join("root", "etc", "up"));
  symlinkSync("up/../../../../../outside", dir.join("root", "etc", "passwd"));
  assert.throws(() => resolveUser(root, "spy"), /no users found/);
});

test("/etc itself may be a link out, and leads nowhere", () => {
  using dir = tempDir();
  mkdirSync(dir.join("root", "x"), { recursive: true });
  symlinkSync(dir.join("host-etc"), dir.join("root", "etc"));
  writeFileSync(dir.join("host-etc", "passwd"), "spy:x:77:77::/:\n");
  assert.throws(() => resolveUser(dir.join("root"), "spy"), /no users found/);
});

test("a FIFO, directly or through a link, is refused at once (CVE-2024-9676)", () => {
  using dir = tempDir();
  const root = rootfs(dir, {});
  execFileSync("mkfifo", [dir.join("root", "etc", "pipe")]);
  symlinkSync("pipe", dir.join("root", "etc", "passwd"));
  assert.throws(() => resolveUser(root, "www"), /not a regular file/);
  assert.throws(() => resolveUser(root, "1000"), /not a regular file/);
});

test("a device is looked at, never opened", () => {
  using dir = tempDir();
  const root = rootfs(dir, {});
  execFileSync("mknod", [dir.join("root", "etc", "passwd"), "c", "1", "5"]);
  assert.throws(() => resolveUser(root, "www"), /not a regular file/);
});

test("a directory in the file's place is refused", () => {
  using dir = tempDir();
  mkdirSync(dir.join("root", "etc", "passwd"), { recursive: true });
  assert.throws(() => resolveUser(dir.join("root"), "www"), /not a regular file/);
});

test("a loop of links is an error, not an endless one", () => {
  using dir = tempDir();
  const root = rootfs(dir, {});
  symlinkSync("passwd", dir.join("root", "etc", "passwd"));
  assert.throws(() => resolveUser(root, "www"), /too many levels of symbolic links/);
});

test("a group file of 1 GiB is refused without being read (CVE-2026-47262)", () => {
  using dir = tempDir();
  const root = rootfs(dir, { passwd: PASSWD, group: "" });
  truncateSync(dir.join("root", "etc", "group"), 1 << 30);
  const before = process.memoryUsage().rss;
  assert.throws(
    () => resolveUser(root, "www:web"),
    (error: unknown) => error instanceof CtrError && error.code === "ResourceExhausted",
  );
  assert.ok(process.memoryUsage().rss - before < 100 << 20);
});

const IMAGE_USERS: readonly [user: string | undefined, uid: number, gid: number, additionalGids: number[]][] =
  [
    [undefined, 0, 0, [0]],
    ["", 0, 0, [0]],
    ["www", 1000, 1001, [1001, 2000]],
    ["1000", 1000, 1001, [1001, 2000]],
    ["1000:7", 1000, 7, [7, 1001, 2000]],
    ["4000:4001", 4000, 4001, [4001]],
  ];

for (const [User, uid, gid, additionalGids] of IMAGE_USERS) {
  test(`an image of user ${JSON.stringify(User)} runs as ${uid}:${gid} with ${additionalGids}`, async () => {
    using dir = tempDir();
    const spec = await build({}, { User }, rootfs(dir));
    assert.equal(spec.process?.user, { uid, gid, additionalGids });
  });
}

test("--user goes before the image's, whose user need not even exist", async () => {
  using dir = tempDir();
  const root = rootfs(dir);
  const user = async (text: string) =>
    (await build({ user: text }, { User: "stranger" }, root)).process?.user;
  assert.equal(await user("www"), { uid: 1000, gid: 1001, additionalGids: [1001, 2000] });
  assert.equal(await user("1000:2000"), { uid: 1000, gid: 2000, additionalGids: [2000] });
});

test("a member of a group beyond the range is refused, not made root", async () => {
  using dir = tempDir();
  const root = rootfs(dir, { passwd: "other:x:9:9::/:\n", group: GROUP });
  const error = await rejection(build({}, { User: "other" }, root));
  assert.match(error.message, "gid out of range");
});

test.run();
