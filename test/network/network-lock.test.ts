import { existsSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { openNetworkLocks, type Turn } from "../../src/network/network-lock.ts";
import { type TempDir, tempDir } from "../support/temp.ts";
import { waitFor } from "../support/wait-for.ts";

const ID = "ns-box";
const HOUR_MS = 3_600_000;

/** A plugin that was left alone: it has the lock until its standard input ends. */
async function leftAlone(dir: TempDir, command: "ADD" | "DEL") {
  const [lock, held] = [dir.join("locks", `network-${ID}`), dir.join("held")];
  const plugin = Bun.spawn(["flock", lock, "sh", "-c", `: > ${held}; cat`], {
    env: { ...process.env, CNI_CONTAINERID: ID, CNI_COMMAND: command },
    stdin: "pipe",
    stdout: "ignore",
  });
  await waitFor(() => existsSync(held), { what: "the lock of the plugin" });
  return {
    plugin,
    finish: () => plugin.stdin.end(),
    async [Symbol.asyncDispose]() {
      plugin.stdin.end();
      await plugin.exited;
    },
  };
}

/** Counts how often it is looked whether the container has ended. */
function watchedTurn(turn: Omit<Turn, "isOver">, isOver: boolean) {
  let looks = 0;
  return {
    turn: { ...turn, isOver: () => ++looks > 0 && isOver },
    waited: () => waitFor(() => looks >= 3, { what: "its waiting" }),
  };
}

for (const [what, command, isOver] of [
  ["adds a container that lives", "ADD", false],
  ["removes a container that lives", "DEL", false],
  ["removes one that has ended, and has time for it", "DEL", true],
] as const) {
  test(`a plugin that ${what} is waited for`, async () => {
    using dir = tempDir();
    await using holder = await leftAlone(dir, command);
    const { turn, waited } = watchedTurn({ removalMs: isOver ? HOUR_MS : 0 }, isOver);
    const done = openNetworkLocks(dir.path).exclusively(ID, turn, async () => holder.plugin.exitCode);
    await waited();
    assert.is(holder.plugin.exitCode, null);
    holder.finish();
    await done;
    assert.is(await holder.plugin.exited, 0);
  });
}

for (const [what, command, removalMs] of [
  ["adds a container that has ended", "ADD", HOUR_MS],
  ["removes one for longer than anybody lets it", "DEL", 0],
] as const) {
  test(`a plugin that ${what} is ended`, async () => {
    using dir = tempDir();
    await using holder = await leftAlone(dir, command);
    await openNetworkLocks(dir.path).exclusively(ID, { removalMs, isOver: () => true }, async () => {});
    await holder.plugin.exited;
    assert.is(holder.plugin.signalCode, "SIGKILL");
  });
}

test("waiting ends with its signal, and one of another container's is no holder", async () => {
  using dir = tempDir();
  await using _ = await leftAlone(dir, "ADD");
  const locks = openNetworkLocks(dir.path);
  const controller = new AbortController();
  const { turn, waited } = watchedTurn({ removalMs: 0, signal: controller.signal }, false);
  const done = locks.exclusively(ID, turn, async () => "had it");
  await waited();
  controller.abort();
  assert.match(String(await done.catch(String)), "wait for a lock: canceled");
  assert.is(await locks.exclusively(`${ID}2`, turn, async () => "had it"), "had it");
  let isRun = false;
  await locks.unlessLocked(ID, async () => {
    isRun = true;
  });
  assert.is(isRun, false);
});

test.run();
