import { chmodSync, existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { getXattr } from "../../src/sys/xattr.ts";
import { busyboxImage } from "../support/busybox-image.ts";
import { ctrExecutable } from "../support/ctr.ts";
import { createStepKiller } from "../support/kill-at-step.ts";
import { mountsBelow } from "../support/mounts.ts";
import { pushImage } from "../support/push-image.ts";
import { waitFor } from "../support/wait-for.ts";
import { openWorkbench, type Workbench } from "../support/workbench.ts";

const test = suite("user namespaces");
let bench: Workbench;
let image: string;

/** CAP_NET_RAW, as setcap writes it. */
const CAPABILITY = Buffer.from("0100000200200000000000000000000000000000", "hex");
const MAPS = ["--uidmap", "0:100000:65536", "--gidmap", "0:200000:65536"];
const OTHER_MAPS = ["--uidmap", "0:300000:65536", "--gidmap", "0:300000:65536"];
const OWNERS = "stat -c '%n %u %g %a' / /root /home/mine /home/setuid /bin/busybox /bin/sh /tmp";

test.before(async () => {
  bench = await openWorkbench({ isPulled: false });
  const entries = [
    { path: "home/mine", content: "mine", uid: 1000, gid: 1001, mode: 0o640 },
    { path: "home/setuid", content: "#!/bin/sh\n", uid: 1000, gid: 1001, mode: 0o6755 },
    { path: "home/capable", content: "x", mode: 0o755, xattrs: { "security.capability": CAPABILITY } },
  ];
  image = await pushImage(busyboxImage({ layer: { entries } }), bench.registry, "library/owned");
  // The root of a user namespace has to get through to its root filesystem.
  for (const path of [bench.directory.path, dirname(bench.directory.path)]) chmodSync(path, 0o711);
});
test.after(async () => bench?.[Symbol.asyncDispose]());

for (const snapshotter of ["overlayfs", "native"]) {
  const here = ["--snapshotter", snapshotter];

  test(`${snapshotter}: files belong to the container as they would without a mapping`, async () => {
    const { ctr } = bench;
    const plain = await ctr.ok("run", "--rm", ...here, image, "plain", "sh", "-c", OWNERS);
    const mapped = await ctr.ok("run", "--rm", ...here, ...MAPS, image, "mapped", "sh", "-c", OWNERS);
    assert.is(mapped, plain);
    const map = await ctr.ok("run", "--rm", ...here, ...MAPS, image, "mapped", "cat", "/proc/self/uid_map");
    assert.match(map, /^ +0 +100000 +65536\n$/);
  });

  test(`${snapshotter}: what it writes belongs to the mapped user, before and after a restart`, async () => {
    const { ctr } = bench;
    const script = "echo x >>/root/note; chown 7:8 /root/note; cat /home/mine; rm /home/setuid";
    assert.is(await ctr.ok("run", ...here, ...MAPS, image, "writes", "sh", "-c", script), "mine");
    const notes = () =>
      readdirSync(join(ctr.root, "snapshots", snapshotter))
        .map((id) => join(ctr.root, "snapshots", snapshotter, id, "fs/root/note"))
        .filter((path) => existsSync(path));
    assert.equal(
      notes().map((path) => [statSync(path).uid, statSync(path).gid, readFileSync(path, "utf8")]),
      [[100007, 200008, "x\n"]],
    );
    assert.is((await ctr("tasks", "start", "writes")).stdout, "mine");
    assert.equal(
      notes().map((path) => readFileSync(path, "utf8")),
      ["x\nx\n"],
    );
    await ctr.ok("containers", "delete", "writes");
    assert.equal(mountsBelow(bench.directory.path), []);
  });

  test(`${snapshotter}: two mappings of one image do not see each other's`, async () => {
    const { ctr } = bench;
    for (const maps of [MAPS, OTHER_MAPS, []]) {
      const printed = await ctr.ok(
        "run",
        "--rm",
        ...here,
        ...maps,
        image,
        "one",
        "stat",
        "-c",
        "%u",
        "/home/mine",
      );
      assert.is(printed, "1000\n");
    }
  });
}

test("overlayfs: no byte of the image is copied for it", async () => {
  const { ctr } = bench;
  await ctr.ok("run", "--remap-labels", ...MAPS, image, "shared", "true");
  const listing = (await ctr.ok("snapshots", "list")).trimEnd().split("\n");
  assert.equal(listing.length, 3, listing.join("\n"));
  const { Labels } = JSON.parse(await ctr.ok("snapshots", "info", "shared"));
  assert.is(Labels["containerd.io/snapshot/uidmapping"], "0:100000:65536");
  assert.match(
    await ctr.ok("snapshots", "mounts", "/t", "shared"),
    ",uidmap=0:100000:65536,gidmap=0:200000:65536",
  );
  await ctr.ok("containers", "delete", "shared");
});

test("overlayfs: killed at any moment of its making, the mount is none, and the same command succeeds", async () => {
  const { ctr, directory } = bench;
  const killer = createStepKiller(directory.path, { isClientAlone: true });
  const words = ["run", "--rm", ...MAPS, image, "mortal", "stat", "-c", "%u", "/home/mine"];
  let kills = 0;
  for (const call of ["open_tree", "mount_setattr", "move_mount", "mount", "umount2"]) {
    for (const count of [1, 2]) {
      const { code } = await killer.killAt({ call, count }, [ctrExecutable, ...words], ctr.env);
      if (code === 137) kills++;
      assert.is(await ctr.ok(...words), "1000\n", `after ${call} ${count}`);
    }
  }
  assert.ok(kills >= 7, `${kills} kills`);
  await waitFor(() => mountsBelow(directory.path).length === 0, { what: "the end of all mounts" });
  assert.is(await ctr.ok("containers", "list", "-q"), "");
});

test("native: one copy for all containers of a mapping, also after a kill in its midst, with capabilities", async () => {
  const { ctr } = bench;
  const here = ["--snapshotter", "native"];
  const { stdout } = await ctr("snapshots", ...here, "list");
  const chain = /^(sha256:\w+) +Committed/m.exec(stdout)![1]!;
  const copy = `${chain}-100000-200000`;
  if (stdout.includes(copy)) await ctr.ok("snapshots", ...here, "delete", copy);
  await ctr.ok("snapshots", ...here, "prepare", `${copy}-remap`, chain);
  await ctr.ok("run", "-d", ...here, ...MAPS, image, "first", "sleep", "1000");
  await ctr.ok("run", "-d", ...here, ...MAPS, image, "second", "sleep", "1000");
  const keys = (await ctr.ok("snapshots", ...here, "list")).split("\n").map((line) => line.split(" ")[0]);
  assert.is(keys.filter((key) => key === copy).length, 1);
  assert.ok(!keys.includes(`${copy}-remap`));
  const rootfs = join(ctr.state, "tasks", ctr.namespace, "first/rootfs");
  const value = getXattr(join(rootfs, "home/capable"), "security.capability")!;
  assert.is(Buffer.from(value).toString("hex"), "0100000300200000000000000000000000000000a0860100");
  for (const id of ["first", "second"]) await ctr.ok("tasks", "delete", "--force", id);
  await ctr.ok("containers", "delete", "first", "second");
});

test("where owners cannot be mapped without a copy, --remap-labels says so; bad maps are refused in one line", async () => {
  const { ctr } = bench;
  const refused = await ctr(
    "run",
    "--rm",
    "--snapshotter",
    "native",
    "--remap-labels",
    ...MAPS,
    image,
    "c1",
    "true",
  );
  assert.match(
    `${refused.code} ${refused.stderr}`,
    /^1 ctr: snapshotter native cannot map owners: failed precondition \(leave out/,
  );
  const overlapping = ["--uidmap", "0:100000:10", "--uidmap", "5:200000:10", "--gidmap", "0:1:10"];
  const { code, stderr } = await ctr("run", "--rm", ...overlapping, image, "c1", "true");
  assert.is(code, 1);
  assert.match(stderr, /^ctr: [^\n]+\n$/);
  assert.is(await ctr.ok("containers", "list", "-q"), "");
  assert.equal(mountsBelow(bench.directory.path), []);
});

test.run();
