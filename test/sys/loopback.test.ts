import { readlinkSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { raiseLoopback } from "../../src/sys/loopback.ts";
import { run } from "../support/run-program.ts";
import { waitFor } from "../support/wait-for.ts";

test("the loopback of another namespace comes up, and the caller stays in its own", async () => {
  const own = readlinkSync("/proc/thread-self/ns/net");
  const other = Bun.spawn(["unshare", "--net", "sleep", "1000"]);
  try {
    await waitFor(() => readlinkSync(`/proc/${other.pid}/ns/net`) !== own);
    const flags = async () =>
      (await run(["nsenter", "-t", `${other.pid}`, "-n", "ip", "-o", "link", "show", "lo"])).stdout;
    assert.not.match(await flags(), /[<,]UP[,>]/);
    raiseLoopback(other.pid);
    assert.match(await flags(), /[<,]UP[,>]/);
    assert.is(readlinkSync("/proc/thread-self/ns/net"), own);
  } finally {
    other.kill("SIGKILL");
    await other.exited;
  }
});

test("a process that is gone has none", () => {
  assert.throws(() => raiseLoopback(2 ** 22), /no such file or directory/i);
});

test.run();
