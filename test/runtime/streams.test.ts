import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { hasCode } from "../../src/core/errors.ts";
import { run } from "../support/run-program.ts";
import { openTestTasks, remains, type TestTasks } from "../support/tasks.ts";
import { waitFor } from "../support/wait-for.ts";

const attached = { kind: "attached" } as const;

/** A shell's command line around a client: `CLIENT` stands for it. */
async function shell(t: TestTasks, script: string, id: string, args: string[]) {
  const [bun, ...words] = t.client("run", id, { run: t.request(id, args, attached) });
  return run(["sh", "-c", script.replaceAll("CLIENT", '"$0" "$@"'), bun!, ...words]);
}

test("pipes are the container's own: stdin ends, streams stay apart, the status passes", async () => {
  await using t = openTestTasks();
  const result = await shell(t, "printf x | CLIENT 2>err.$$ | cat; cat err.$$; rm err.$$", "c1", [
    "sh",
    "-c",
    "cat; echo y; echo z >&2",
  ]);
  assert.is(result.stdout, "xy\nz\n");
  assert.is((await shell(t, "CLIENT </dev/null", "c2", ["sh", "-c", "cat; exit 9"])).code, 9);
  assert.equal(remains(t), []);
});

test("a socket, a file and a closed descriptor of the caller's are copied to and from", async () => {
  await using t = openTestTasks();
  // Bun.spawn gives its children sockets.
  const command = t.client("run", "c1", {
    run: t.request("c1", ["sh", "-c", "cat; echo err >&2; exit 4"], attached),
  });
  const viaSockets = await run(command, { stdin: "hello\n" });
  assert.equal([viaSockets.stdout, viaSockets.stderr, viaSockets.code], ["hello\n", "err\n", 4]);

  const input = `${t.path}/in`;
  writeFileSync(input, "one\ntwo\n");
  const script = `{ read first; CLIENT; } <${input} >${t.path}/out 2>&1`;
  assert.is((await shell(t, script, "c2", ["sh", "-c", "cat; echo err >&2"])).code, 0);
  assert.is(readFileSync(join(t.path, "out"), "utf8"), "two\nerr\n");

  assert.is((await shell(t, "CLIENT <&- | cat", "c3", ["sh", "-c", "cat; echo end"])).stdout, "end\n");
  assert.equal(remains(t), []);
});

test("the caller's own flags and files are as before", async () => {
  await using t = openTestTasks();
  const flags = "grep flags /proc/self/fdinfo/0 /proc/self/fdinfo/1 /proc/self/fdinfo/2";
  const script = `(${flags}; printf x | CLIENT; ${flags}) 2>&1 | cat`;
  const { stdout } = await shell(t, script, "c1", ["true"]);
  const lines = stdout.trim().split("\n");
  assert.is(lines.length, 6);
  assert.equal(lines.slice(3), lines.slice(0, 3));

  writeFileSync(join(t.path, "out"), "");
  const [bun, ...words] = t.client("run", "c2", {
    run: t.request("c2", ["echo", "hi"], attached, ({ process }) => {
      process.user = { uid: 1000, gid: 1000 };
    }),
  });
  await run(["sh", "-c", `"$0" "$@" >${t.path}/out`, bun!, ...words]);
  assert.is(readFileSync(join(t.path, "out"), "utf8"), "hi\n");
  assert.is(statSync(join(t.path, "out")).uid, 0);
});

test("the container has 0, 1 and 2 and nothing else of ours, in every mode", async () => {
  await using t = openTestTasks();
  const look = ["sh", "-c", "ls -l /proc/self/fd; ls -l /proc/1/fd"];
  const results = [
    await shell(t, "CLIENT </dev/null | cat", "c1", look),
    await shell(t, `CLIENT </dev/null >${t.path}/out; cat ${t.path}/out`, "c2", look),
  ];
  for (const { stdout } of results) {
    const fds = [...stdout.matchAll(/ (\d+) -> (\S+)/g)].map(
      (match) => [Number(match[1]), match[2]] as const,
    );
    for (const [fd, target] of fds) {
      // ls reads the directory through its own 3.
      if (fd > 2) assert.match(target!, /^\/proc\/\d+\/fd$|^anon_inode|^\/dev\/null$/);
      else assert.match(target!, /^pipe:|^\/dev\/null$|\/c[12]-std(in|out|err)$/);
    }
    assert.ok(fds.length >= 6);
  }
});

test("256 MiB arrive byte for byte, straight and by FIFOs, while stdin and stderr flow too", async () => {
  await using t = openTestTasks();
  const size = 256 << 20;
  const produce = ["sh", "-c", `cat >/dev/null; echo err >&2; dd if=/dev/zero bs=1M count=256 2>/dev/null`];
  const expected = createHash("sha256");
  const zeros = Buffer.alloc(1 << 20);
  for (let count = 0; count < size; count += zeros.length) expected.update(zeros);
  const digest = expected.digest("hex");
  const straight = await shell(t, "head -c 10000000 /dev/zero | CLIENT | sha256sum", "c1", produce);
  assert.is(straight.stdout.slice(0, 64), digest);

  const fifoDir = join(t.path, "fifos");
  const request = t.request("c2", produce, { kind: "attached", fifoDir });
  const [bun, ...words] = t.client("run", "c2", { run: request });
  const byFifo = await run([
    "sh",
    "-c",
    'head -c 10000000 /dev/zero | "$0" "$@" | sha256sum',
    bun!,
    ...words,
  ]);
  assert.is(byFifo.stdout.slice(0, 64), digest);
  assert.is(byFifo.stderr, "err\n");
  assert.equal(remains(t), []);
  assert.equal(existsSync(fifoDir) && (await Array.fromAsync(new Bun.Glob("**").scan({ cwd: fifoDir }))), []);
});

test("a reader that goes away early ends the container's writing by SIGPIPE", async () => {
  await using t = openTestTasks();
  const { stdout } = await shell(t, "CLIENT </dev/null | head -c 5", "c1", [
    "sh",
    "-c",
    "dd if=/dev/zero bs=1k; echo $? >&2",
  ]);
  assert.is(stdout.length, 5);
  await waitFor(() => remains(t).length === 0);
});

test("a detached task keeps its output for attach and log; attach reads on where the last one stopped", async () => {
  await using t = openTestTasks();
  const script = "echo one; read x; echo got $x; echo err >&2; read y; echo end; exit 6";
  const task = await t.tasks.start("c1", t.request("c1", ["sh", "-c", script], { kind: "log" }));
  const text = async () => Buffer.concat(await Array.fromAsync(task.readLog())).toString();
  await waitFor(async () => (await text()) === "one\n");

  const first = Bun.spawn(t.client("attach", "c1"), { stdin: "pipe", stdout: "pipe", stderr: "inherit" });
  first.stdin.write("hello\n");
  first.stdin.flush();
  await waitFor(async () => (await text()) === "one\ngot hello\nerr\n");
  let seen = "";
  for await (const chunk of first.stdout) {
    seen += Buffer.from(chunk).toString();
    if (seen.endsWith("err\n")) break;
  }
  assert.is(seen, "one\ngot hello\nerr\n");
  first.kill("SIGKILL");
  await first.exited;
  assert.is(await task.status(), "running");

  const second = await run(t.client("attach", "c1"), { stdin: "bye\n" });
  // The killed client may not have said that its last piece was delivered: then it is delivered again.
  assert.match(second.stdout, /^(got hello\nerr\n)?end\n$/);
  assert.is(second.code, 6);
  assert.equal(remains(t), []);
});

test("a log is followed to the end of its task, and read after it", async () => {
  await using t = openTestTasks();
  const task = await t.tasks.start(
    "c1",
    t.request("c1", ["sh", "-c", "echo one; read x; echo two"], { kind: "log" }),
  );
  const followed = Array.fromAsync(task.readLog({ follow: true }));
  await task.closeStdin();
  assert.is(Buffer.concat(await followed).toString(), "one\ntwo\n");
  assert.is((await task.wait()).status, 0);
  assert.is(Buffer.concat(await Array.fromAsync(task.readLog())).toString(), "one\ntwo\n");
  assert.is(statSync(task.logPath).mode & 0o777, 0o600);
  await task.delete();
  assert.equal(remains(t), []);

  const silent = await t.tasks.start("c2", t.request("c2", ["true"]));
  try {
    await Array.fromAsync(silent.readLog());
    assert.unreachable();
  } catch (error) {
    assert.ok(hasCode(error, "NotFound"));
  }
});

test("file:// appends both streams, binary:// speaks containerd's protocol, others are refused", async () => {
  await using t = openTestTasks();
  const log = join(t.path, "deep/down/log");
  for (const id of ["c1", "c2"]) {
    const io = { kind: "uri", uri: `file://${log}` } as const;
    const task = await t.tasks.start(id, t.request(id, ["sh", "-c", "echo out; echo err >&2"], io));
    await task.wait();
    await task.delete();
  }
  assert.is(readFileSync(log, "utf8"), "out\nerr\nout\nerr\n");

  const logger = join(t.path, "logger");
  const out = join(t.path, "logged");
  writeFileSync(
    logger,
    `#!/bin/sh\necho "$CONTAINER_ID $CONTAINER_NAMESPACE $*" >${out}\nexec 5>&-\nsed s/^/1:/ <&3 >>${out}\nsed s/^/2:/ <&4 >>${out}\necho end >>${out}\n`,
    { mode: 0o755 },
  );
  const io = { kind: "uri", uri: `binary://${logger}?a=b&c=d` } as const;
  const task = await t.tasks.start("c3", t.request("c3", ["sh", "-c", "echo out; echo err >&2"], io));
  await task.wait();
  await task.delete();
  await waitFor(() => readFileSync(out, "utf8").endsWith("end\n"));
  assert.is(readFileSync(out, "utf8"), `c3 ${t.namespace} a b c d\n1:out\n2:err\nend\n`);

  for (const uri of ["http:///x", "relative/path", "binary:///nowhere/at/all"]) {
    try {
      await t.tasks.start("c4", t.request("c4", ["true"], { kind: "uri", uri }));
      assert.unreachable(uri);
    } catch (error) {
      assert.ok(error instanceof Error);
    }
    assert.equal(remains(t), []);
  }
});

test("FIFOs of a detached task are where the caller wants them, and go with it", async () => {
  await using t = openTestTasks();
  const fifoDir = join(t.path, "fifos");
  mkdirSync(fifoDir);
  const task = await t.tasks.start(
    "c1",
    t.request("c1", ["sh", "-c", "read x; echo got $x"], { kind: "log", fifoDir }),
  );
  const [random] = await Array.fromAsync(new Bun.Glob("*").scan({ cwd: fifoDir, onlyFiles: false }));
  assert.ok(existsSync(join(fifoDir, random!, "c1-stdout")));
  const { stdout, code } = await run(t.client("attach", "c1"), { stdin: "y\n" });
  assert.equal([stdout, code], ["got y\n", 0]);
  assert.not(existsSync(join(fifoDir, random!)));
  assert.equal(remains(t), []);
  void task;
});

test("signals to the client reach the container", async () => {
  await using t = openTestTasks();
  const script =
    "trap 'echo usr1' USR1; trap 'echo term; exit 12' TERM; echo ready; while :; do sleep 0.01; done";
  const child = Bun.spawn(t.client("run", "c1", { run: t.request("c1", ["sh", "-c", script], attached) }), {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
  });
  let seen = "";
  for await (const chunk of child.stdout) {
    seen += Buffer.from(chunk).toString();
    if (seen === "ready\n") child.kill("SIGUSR1");
    if (seen === "ready\nusr1\n") child.kill("SIGTERM");
  }
  assert.is(seen, "ready\nusr1\nterm\n");
  assert.is(await child.exited, 12);
  assert.equal(remains(t), []);
});

test.run();
