import { suite } from "uvu";
import * as assert from "uvu/assert";
import { createCtr, ctrExecutable } from "../../support/ctr.ts";
import { run } from "../../support/run-program.ts";
import { tempDir } from "../../support/temp.ts";

const test = suite("overlayfs: what the kernel does by itself");

/** Whether the kernel's defaults are these is the machine's affair; here the program alone sees others. */
const SCRIPT = `set -e
mount -t tmpfs none /sys/module/overlay/parameters
echo N >/sys/module/overlay/parameters/index
echo "$METACOPY" >/sys/module/overlay/parameters/metacopy
mkdir "$PLACE"
"$CTR" snapshots prepare base >/dev/null
"$CTR" snapshots commit bottom base
"$CTR" snapshots prepare top bottom
mount=$("$CTR" snapshots mounts "$PLACE" top)
echo "$mount"
eval "$mount"
grep " $PLACE overlay " /proc/self/mounts`;

for (const [isOn, expected] of [
  ["Y", /-o index=off,metacopy=off,workdir=/],
  ["N", /-o index=off,workdir=/],
] as const) {
  test(`metacopy by default ${isOn}: every file of a snapshot is whole`, async () => {
    using directory = tempDir();
    await using ctr = createCtr(directory.path);
    const env = { ...ctr.env, METACOPY: isOn, PLACE: directory.join("place"), CTR: ctrExecutable };
    const { code, stdout, stderr } = await run(["unshare", "--mount", "sh", "-c", SCRIPT], { env });
    assert.is(code, 0, stderr);
    assert.match(stdout, expected);
  });
}

test.run();
