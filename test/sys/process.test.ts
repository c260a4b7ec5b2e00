import { constants } from "node:os";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { hasCode } from "../../src/core/errors.ts";
import { hasErrno } from "../../src/sys/errno.ts";
import { closeFd } from "../../src/sys/open.ts";
import {
  becomeSubreaper,
  hasEndedChild,
  isSameProcessAlive,
  kill,
  openPidFd,
  readProcessStat,
  reap,
  signalPidFd,
  signalProcess,
} from "../../src/sys/process.ts";
import { waitFor } from "../support/wait-for.ts";

const { SIGKILL, SIGTERM } = constants.signals;
const isRefused = (error: unknown) => hasCode(error, "InvalidArgument");

/**
 * Starts a shell command that nobody but the subreaper can reap, and returns its pid. It waits for its parent's end
 * by our pipe: a shell that still lives might reap it itself.
 */
async function startOrphan(command: string): Promise<number> {
  const parent = Bun.spawn(
    ["sh", "-c", `exec 3<&0; (read line <&3; exec 3<&-; ${command}) >/dev/null 2>&1 & echo $!`],
    { stdin: "pipe", stdout: "pipe" },
  );
  const pid = Number(await parent.stdout.text());
  await parent.exited;
  parent.stdin.write("go\n");
  await parent.stdin.end();
  return pid;
}

const reaping = suite("reaping");

reaping.before(() => becomeSubreaper());

reaping("a child that has ended is noticed, again and again, until it is reaped", async () => {
  assert.not(hasEndedChild());
  const pid = await startOrphan("exit 7");
  await waitFor(hasEndedChild, { what: "the end of the orphan" });
  assert.ok(hasEndedChild());
  assert.is(reap(pid)?.code, 7);
  assert.not(hasEndedChild());
});

reaping("orphans become ours, and their status is told once", async () => {
  const pid = await startOrphan("exit 7");
  const status = await waitFor(() => reap(pid));
  assert.equal(status, { code: 7, signalNumber: undefined, coreDumped: false });
  assert.throws(
    () => reap(pid),
    (error: unknown) => hasErrno(error, "ECHILD") && hasCode(error, "NotFound"),
  );
});

reaping("a running child has no status yet; a killed one tells the signal", async () => {
  const pid = await startOrphan("exec sleep 1000");
  assert.is(reap(pid), undefined);
  assert.ok(kill(pid, SIGTERM));
  assert.equal(await waitFor(() => reap(pid)), { code: 143, signalNumber: SIGTERM, coreDumped: false });
  assert.not(kill(pid, SIGKILL));
});

reaping("every exit code arrives", async () => {
  for (const code of [0, 1, 127, 128, 137, 255]) {
    const pid = await startOrphan(`exit ${code}`);
    const status = await waitFor(() => reap(pid));
    assert.equal(status, { code, signalNumber: undefined, coreDumped: false });
  }
});

reaping("Bun's own children are left to Bun", async () => {
  const orphans = await Promise.all(Array.from({ length: 10 }, (_, index) => startOrphan(`exit ${index}`)));
  const children = Array.from({ length: 10 }, (_, index) => Bun.spawn(["sh", "-c", `exit ${index}`]));
  const statuses = await Promise.all(orphans.map((pid) => waitFor(() => reap(pid))));
  const codes = await Promise.all(children.map(({ exited }) => exited));
  const expected = Array.from({ length: 10 }, (_, index) => index);
  assert.equal(
    statuses.map(({ code }) => code),
    expected,
  );
  assert.equal(codes, expected);
});

reaping("nobody waits for everybody", () => {
  for (const pid of [-1, 0, 1.5, Number.NaN]) {
    assert.throws(() => reap(pid), isRefused);
    assert.throws(() => kill(pid, SIGTERM), isRefused);
    assert.throws(() => openPidFd(pid), isRefused);
    assert.throws(() => signalProcess(pid, 1, SIGTERM), isRefused);
  }
});

reaping.run();

const identity = suite("identity");

identity("a process is known by its start, also when its name has parentheses and spaces", async () => {
  // prctl(PR_SET_NAME) by /proc/self/comm.
  const child = Bun.spawn(["sh", "-c", "echo ') Z 1 (' > /proc/self/comm; read line"], { stdin: "pipe" });
  const stat = await waitFor(() => {
    const found = readProcessStat(child.pid);
    return found?.state === "S" ? found : undefined;
  });
  assert.ok(isSameProcessAlive(child.pid, stat.startTicks));
  assert.not(isSameProcessAlive(child.pid, stat.startTicks + 1));
  child.kill("SIGKILL");
  await child.exited;
  assert.is(readProcessStat(child.pid), undefined);
  assert.not(isSameProcessAlive(child.pid, stat.startTicks));
});

identity("an ended child that was not reaped is not alive", async () => {
  becomeSubreaper();
  const pid = await startOrphan("exec sleep 1000");
  const { startTicks } = readProcessStat(pid)!;
  kill(pid, SIGKILL);
  await waitFor(() => readProcessStat(pid)?.state === "Z");
  assert.not(isSameProcessAlive(pid, startTicks));
  reap(pid);
});

identity("a signal reaches the process that was meant, and never its successor", async () => {
  const child = Bun.spawn(["sleep", "1000"]);
  const { startTicks } = readProcessStat(child.pid)!;
  assert.not(signalProcess(child.pid, startTicks - 1, SIGKILL));
  assert.ok(isSameProcessAlive(child.pid, startTicks));
  assert.ok(signalProcess(child.pid, startTicks, SIGTERM));
  await child.exited;
  assert.is(child.signalCode, "SIGTERM");
  assert.not(signalProcess(child.pid, startTicks, SIGKILL));
});

identity("a pidfd outlives the number", async () => {
  const child = Bun.spawn(["sleep", "1000"]);
  const pidFd = openPidFd(child.pid);
  assert.ok(signalPidFd(pidFd, 0));
  assert.ok(signalPidFd(pidFd, SIGKILL));
  await child.exited;
  assert.not(signalPidFd(pidFd, 0));
  closeFd(pidFd);
  assert.throws(
    () => openPidFd(child.pid),
    (error: unknown) => hasErrno(error, "ESRCH"),
  );
});

identity.run();
