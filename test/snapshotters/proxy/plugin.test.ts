import { rmSync, writeFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { CtrError } from "../../../src/core/errors.ts";
import { readProxyPlugins } from "../../../src/snapshotters/proxy/config.ts";
import { Plugin } from "../../../src/snapshotters/proxy/plugin.ts";
import { startSnapshotPlugin } from "../../support/snapshot-plugin.ts";
import { type TempDir, tempDir } from "../../support/temp.ts";

async function refusal(call: Promise<unknown>): Promise<CtrError> {
  try {
    await call;
  } catch (error) {
    if (error instanceof CtrError) return error;
    throw error;
  }
  throw new Error("it was not refused");
}

const serve = (dir: TempDir, onCall: () => Promise<void> | void = () => {}) =>
  startSnapshotPlugin({
    ...{ address: dir.join("socket"), root: dir.join("plugin"), database: dir.join("plugin.db") },
    onCall,
  });

const pluginAt = (dir: TempDir) => new Plugin({ name: "lazy", address: dir.join("socket") }, "one");

test("what does not answer in time is given up", async () => {
  using dir = tempDir();
  await using _ = await serve(dir, () => new Promise<void>(() => {}));
  const plugin = pluginAt(dir);
  try {
    const error = await refusal(plugin.stat("x", 100));
    assert.is(error.code, "DeadlineExceeded");
    assert.is(error.message, `snapshotter lazy: no answer at ${dir.join("socket")}: deadline exceeded`);
  } finally {
    await plugin.close();
  }
});

test("one that goes away during a call, or is not there, is unavailable at once", async () => {
  using dir = tempDir();
  const asked = Promise.withResolvers<void>();
  const served = await serve(dir, () => {
    asked.resolve();
    return new Promise<void>(() => {});
  });
  const plugin = pluginAt(dir);
  try {
    const answer = refusal(plugin.prepare("x", "", {}));
    await asked.promise;
    await served[Symbol.asyncDispose]();
    assert.is((await answer).code, "Unavailable");
    rmSync(dir.join("socket"), { force: true });
    assert.is((await refusal(plugin.mounts("x"))).code, "Unavailable");
    assert.is((await refusal(plugin.list([]))).code, "Unavailable");
  } finally {
    await plugin.close();
  }
});

test("what it refuses keeps its class and its words; a fault of its own has none", async () => {
  using dir = tempDir();
  const failures: Error[] = [new CtrError("FailedPrecondition", "it is Sunday"), new Error("out of luck")];
  await using _ = await serve(dir, () => {
    throw failures.shift() ?? new Error("no more");
  });
  const plugin = pluginAt(dir);
  try {
    const refused = await refusal(plugin.remove("x"));
    assert.equal(
      [refused.code, refused.message],
      ["FailedPrecondition", "snapshotter lazy: it is Sunday: failed precondition"],
    );
    assert.equal((await refusal(plugin.remove("x"))).message, "snapshotter lazy: out of luck");
  } finally {
    await plugin.close();
  }
});

test("a whole containerd configuration is read, for its proxy plugins alone", async () => {
  using dir = tempDir();
  const path = dir.join("config.toml");
  writeFileSync(
    path,
    `version = 2
disabled_plugins = []
[plugins."io.containerd.grpc.v1.cri".containerd]
  snapshotter = "stargz"
[proxy_plugins]
  [proxy_plugins.stargz]
    type = "snapshot"
    address = "/run/containerd-stargz-grpc/containerd-stargz-grpc.sock"
  [proxy_plugins.stargz.exports]
    root = "/var/lib/containerd-stargz-grpc/"
  [proxy_plugins.remote]
    type = "content"
    address = "unix:///run/content.sock"
`,
  );
  assert.equal(await readProxyPlugins(path), [
    { name: "stargz", type: "snapshot", address: "/run/containerd-stargz-grpc/containerd-stargz-grpc.sock" },
    { name: "remote", type: "content", address: "/run/content.sock" },
  ]);
  writeFileSync(path, "version = 2\n");
  assert.equal(await readProxyPlugins(path), []);
});

test.run();
