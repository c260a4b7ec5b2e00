import { mkdirSync, writeFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readDefaultNetwork } from "../../src/network/config.ts";
import { readSettings } from "../../src/network/settings.ts";
import { tempDir } from "../support/temp.ts";

const bridge = { type: "bridge", bridge: "cni0" };

function read(files: Record<string, unknown>) {
  using dir = tempDir();
  for (const [name, content] of Object.entries(files)) writeFileSync(dir.join(name), JSON.stringify(content));
  return readDefaultNetwork(dir.path);
}

test("the newest version of those that are known here is spoken, or the oldest of all", () => {
  const versionOf = (versions: object) =>
    read({ "1.conflist": { name: "n", plugins: [bridge], ...versions } }).cniVersion;
  assert.is(versionOf({}), "0.1.0");
  assert.is(versionOf({ cniVersion: "0.4.0" }), "0.4.0");
  assert.is(versionOf({ cniVersion: "0.4.0", cniVersions: ["0.3.1", "1.0.0", "9.9.9"] }), "1.0.0");
  assert.is(versionOf({ cniVersion: "0.4.0", cniVersions: ["9.9.9"] }), "0.4.0");
  assert.throws(
    () => versionOf({ cniVersions: ["9.9.9"] }),
    /cniVersions is not a version of CNI that is known here/,
  );
});

test("files of plugins beside a list follow it, in the order of their names", () => {
  const tuning = { type: "tuning" };
  const typesOf = (list: object) =>
    read({
      "1.conflist": { name: "n", ...list },
      "n/2.conf": tuning,
      "n/1.conf": bridge,
      "n/3.json": tuning,
    }).plugins.map(({ type }) => type);
  assert.equal(typesOf({}), ["bridge", "tuning"]);
  assert.equal(typesOf({ plugins: [{ type: "vlan" }] }), ["vlan", "bridge", "tuning"]);
  for (const value of [true, "true"]) {
    assert.equal(typesOf({ plugins: [{ type: "vlan" }], loadOnlyInlinedPlugins: value }), ["vlan"]);
    assert.throws(() => typesOf({ loadOnlyInlinedPlugins: value }), /plugins is not a list of plugins/);
  }
});

test("a directory of that name is no configuration, and nothing that is no file is waited for", () => {
  using dir = tempDir();
  mkdirSync(dir.join("1.conflist"));
  assert.throws(() => readDefaultNetwork(dir.path), /network configuration in .*: not found/);
  Bun.spawnSync(["mkfifo", dir.join("2.conf")]);
  assert.throws(() => readDefaultNetwork(dir.path), /2\.conf: it is no file: invalid argument/);
});

test("variables say where things are; empty ones nothing", () => {
  assert.equal(readSettings({ CNI_PATH: "", NETCONFPATH: "", CNI_ARGS: "", CAP_ARGS: "" }), {
    configDirectory: "/etc/cni/net.d",
    pluginDirectories: ["/opt/cni/bin", "/usr/lib/cni"],
    args: "",
    capabilityArgs: {},
  });
  const { pluginDirectories } = readSettings({ CNI_PATH: "a::/b/" });
  assert.equal(pluginDirectories, [`${process.cwd()}/a`, "/b"]);
});

test.run();
