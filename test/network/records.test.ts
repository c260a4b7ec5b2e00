import { writeFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { hasCode } from "../../src/core/errors.ts";
import { attachmentsOver } from "../../src/network/attachments.ts";
import { type AttachmentRecord, bootedProcess, openRecords } from "../../src/network/records.ts";
import { tempDir } from "../support/temp.ts";

const record = (): AttachmentRecord => ({
  namespace: "default",
  id: "box",
  network: {
    name: "net",
    cniVersion: "1.0.0",
    plugins: [{ type: "bridge", subnet: 18446744073709551615n.toString() }],
  },
  interfaceName: "eth0",
  netns: "/run/netns/box",
  pluginDirectories: ["/opt/cni/bin"],
  args: "",
  capabilityArgs: {},
  process: bootedProcess(process.pid),
});

test("a record comes back as it was written", () => {
  using dir = tempDir();
  const records = openRecords(dir.join("networks"));
  records.put("box", record());
  assert.equal(records.get("box"), record());
  assert.equal(attachmentsOver(records), []);
});

test("a record without one of its fields, or with one of another kind, is damaged, and is told as one to release", () => {
  using dir = tempDir();
  const records = openRecords(dir.join("networks"));
  records.put("box", record());
  const whole: Record<string, unknown> = { ...record() };
  const broken = Object.keys(whole).flatMap((name) => [
    { ...whole, [name]: undefined },
    { ...whole, [name]: 7 },
  ]);
  const texts = ["", "{", "null", "[]", ...broken.map((one) => JSON.stringify(one))];
  for (const text of texts) {
    writeFileSync(records.pathOf("box"), text);
    let error: unknown;
    try {
      records.get("box");
    } catch (reason) {
      error = reason;
    }
    assert.ok(hasCode(error, "DataLoss"), `${text}: ${error}`);
    assert.equal(attachmentsOver(records), [{ containerId: "box", record: undefined }]);
  }
});

test.run();
