import { existsSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { CtrError } from "../../src/core/errors.ts";
import { atLevelOf, requireLabel, selinuxLabels, settingOf, withMountLabel } from "../../src/oci/selinux.ts";
import { build } from "./build.ts";

const PROCESS = "system_u:system_r:container_t:s0:c1,c2";
const hasSelinux = existsSync("/sys/fs/selinux/context");

const NO_LABELS = [
  "container_t",
  "user:role",
  "user::type",
  `${PROCESS}\n`,
  "user:role:type:s0\0",
  "user:role:type:",
  'user:role:type:s0",upperdir=/etc,x="',
  "user:role:type with blanks",
];
for (const label of NO_LABELS) {
  test(`${JSON.stringify(label)} is no label, for processes, for files and in a spec`, () => {
    const refusals = [
      () => selinuxLabels({ process: label }),
      () => selinuxLabels({ mount: label }),
      () => withMountLabel([], { ociVersion: "1.0.2", linux: { mountLabel: label } }),
      () => withMountLabel([], { ociVersion: "1.0.2", process: processWith(label) }),
    ];
    for (const refusal of refusals) {
      const error = thrown(refusal);
      assert.is(error.code, "InvalidArgument");
      assert.is(error.message, `SELinux label ${JSON.stringify(label)}: invalid argument`);
    }
  });
}

test("without labels nothing is asked of the host, and mounts stay as they are", () => {
  assert.equal(selinuxLabels({}), { process: undefined, mount: undefined });
  const mounts = [{ type: "bind", source: "/", options: ["rbind"] }];
  assert.equal(withMountLabel(mounts, { ociVersion: "1.0.2" }), mounts);
});

test("files get the level of the process, whatever level the policy has them at", () => {
  const file = "system_u:object_r:container_file_t:s0";
  assert.is(atLevelOf(PROCESS, file), "system_u:object_r:container_file_t:s0:c1,c2");
  assert.is(atLevelOf("u:r:t:s0-s0:c0.c1023", file), "system_u:object_r:container_file_t:s0-s0:c0.c1023");
  assert.is(atLevelOf("u:r:t", "u:object_r:f"), "u:object_r:f");
});

test("the policy's settings are read with and without quotes, and not from comments", () => {
  assert.is(
    settingOf("# SELINUXTYPE= is\nSELINUX=permissive\nSELINUXTYPE=targeted\n", "SELINUXTYPE"),
    "targeted",
  );
  assert.is(settingOf('process = "a:b:c"\nfile = "d:e:f:s0"\nro_file="x"\n', "file"), "d:e:f:s0");
  assert.is(settingOf("", "file"), undefined);
});

test("labels stand in the spec where runtimes look for them, beside --privileged too", async () => {
  const spec = await build({
    privileged: true,
    selinuxLabels: { process: PROCESS, mount: "u:object_r:f:s0" },
  });
  assert.is(spec.process?.selinuxLabel, PROCESS);
  assert.is(spec.linux?.mountLabel, "u:object_r:f:s0");
});

if (hasSelinux) {
  test("a label that is not of the host's policy is refused", () => {
    const error = thrown(() => requireLabel("system_u:system_r:no_such_type:s0"));
    assert.is(error.code, "InvalidArgument");
  });

  test("files show the label of the process's level on overlays, and nowhere else", () => {
    const { mount } = selinuxLabels({ process: PROCESS });
    assert.match(mount ?? "", /^\w+:object_r:\w+:s0:c1,c2$/);
    const spec = { ociVersion: "1.0.2", linux: { mountLabel: mount } };
    const overlay = { type: "overlay", source: "overlay", options: ["lowerdir=/a:/b"] };
    assert.equal(withMountLabel([overlay], spec)[0]?.options, ["lowerdir=/a:/b", `context="${mount}"`]);
    const error = thrown(() => withMountLabel([{ type: "bind", source: "/a", options: [] }], spec));
    assert.is(error.code, "FailedPrecondition");
  });
} else {
  test("on a host without SELinux a label is refused, not left out", () => {
    const error = thrown(() => requireLabel(PROCESS));
    assert.is(error.code, "FailedPrecondition");
    assert.is(error.message, `SELinux label ${PROCESS} on a host without SELinux: failed precondition`);
  });
}

const processWith = (selinuxLabel: string) => ({ user: { uid: 0, gid: 0 }, cwd: "/", selinuxLabel });

function thrown(work: () => unknown): CtrError {
  try {
    work();
  } catch (error) {
    assert.instance(error, CtrError);
    return error as CtrError;
  }
  throw new Error("nothing was thrown");
}

test.run();
