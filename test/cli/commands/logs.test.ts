import { spawnSync } from "node:child_process";
import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ctrExecutable } from "../../support/ctr.ts";
import { unmountBelow } from "../../support/mounts.ts";
import { isAlive, processesNaming } from "../../support/processes.ts";
import { waitFor } from "../../support/wait-for.ts";
import { openWorkbench, type Workbench } from "../../support/workbench.ts";

const test = suite("tasks logs --timestamps");
let bench: Workbench;
test.before(async () => {
  bench = await openWorkbench();
});
test.after(async () => {
  await bench[Symbol.asyncDispose]();
});

/** Files' times come from the kernel's tick, which may be so much behind the clock. */
const TICK_NS = 10_000_000n;
const MILLISECOND_NS = 1_000_000n;
const RECORD_BYTES = 16;

const logPath = (id: string) => join(bench.ctr.root, "logs", bench.ctr.namespace, `${id}.log`);
const timesPath = (id: string) => `${logPath(id)}.times`;
const logFiles = () => readdirSync(join(bench.ctr.root, "logs", bench.ctr.namespace));
const nowNs = () => BigInt(Date.now()) * MILLISECOND_NS;

interface Speaker {
  readonly id: string;
  /** Has the container print so, and waits until its log has it; between which moments that was. */
  say(text: string): Promise<[bigint, bigint]>;
  /** Waits until the supervisor has recorded all that the log holds. */
  recorded(): Promise<void>;
}

/** A detached container that prints what it is told to by printf, or runs it after a `!`, and ends by `exit`. */
async function startSpeaker(id: string): Promise<Speaker> {
  const { ctr, image, directory } = bench;
  const shared = directory.join(id, "shared");
  const fifo = directory.join(id, "shared", "orders");
  assert.is(spawnSync("mkfifo", [fifo]).status, 0);
  const script = `exec 3<>/shared/orders
    while IFS= read -r order <&3; do
      case "$order" in
        exit) exit 0;;
        !*) eval "\${order#!}";;
        *) printf "$order";;
      esac
    done`;
  const mount = `type=bind,src=${shared},dst=/shared,options=rbind:rw`;
  await ctr.ok("run", "-d", "--mount", mount, image, id, "sh", "-c", script);
  const fd = openSync(fifo, "r+");
  return {
    id,
    async say(text) {
      const sizeBytes = statSync(logPath(id)).size;
      const before = nowNs() - TICK_NS;
      writeSync(fd, `${text}\n`);
      if (text === "exit") {
        closeSync(fd);
        await ctr("tasks", "wait", id);
      } else await waitFor(() => statSync(logPath(id)).size > sizeBytes, { what: `${id} to say ${text}` });
      return [before, nowNs() + MILLISECOND_NS];
    },
    async recorded() {
      await waitFor(() => records(id).at(-1)?.offset === statSync(logPath(id)).size, { what: "its record" });
    },
  };
}

function records(id: string): { offset: number; timeNs: bigint }[] {
  const bytes = readFileSync(timesPath(id));
  return Array.from({ length: Math.floor(bytes.length / RECORD_BYTES) }, (_, index) => ({
    offset: Number(bytes.readBigUInt64LE(index * RECORD_BYTES)),
    timeNs: bytes.readBigUInt64LE(index * RECORD_BYTES + 8),
  }));
}

/** Each line's time and text. */
function parse(output: string): [bigint, string][] {
  return output
    .split(/(?<=\n)/)
    .filter(Boolean)
    .map((line) => {
      const [, second, nanoseconds, text] =
        /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{9})Z (.*\n?)$/s.exec(line) ?? assert.unreachable(line)!;
      return [BigInt(Date.parse(`${second}Z`)) * MILLISECOND_NS + BigInt(nanoseconds!), text!];
    });
}

function assertWithin(lines: [bigint, string][], moments: [bigint, bigint][], texts: string[]): void {
  assert.equal(
    lines.map(([, text]) => text),
    texts,
  );
  for (const [index, [before, after]] of moments.entries()) {
    const [time, text] = lines[index]!;
    assert.ok(before <= time && time <= after, `${text}: ${before} <= ${time} <= ${after}`);
  }
}

interface Follower {
  /** Waits until it has shown so much. */
  shown(text: string): Promise<void>;
  /** Waits for its end; answers what it has shown since it began. */
  ended(): Promise<string>;
}

function follow(id: string, ...flags: string[]): Follower {
  const child = bench.ctr.start(["tasks", "logs", "-f", "-t", ...flags, id]);
  let seen = "";
  const read = (async () => {
    for await (const chunk of child.stdout) seen += Buffer.from(chunk).toString();
  })();
  return {
    async shown(text) {
      await waitFor(() => seen.endsWith(text), { what: `${id}'s follower to show ${text}` });
    },
    async ended() {
      await read;
      assert.is(await child.exited, 0);
      return seen;
    },
  };
}

async function remove(id: string): Promise<void> {
  await bench.ctr.ok("tasks", "delete", "--force", id);
  await bench.ctr.ok("containers", "delete", id);
}

async function killSupervisor(id: string): Promise<void> {
  const bundle = join(bench.ctr.state, "tasks", bench.ctr.namespace, id);
  const pid = processesNaming(bundle).find(({ command }) => command.endsWith(`_supervise ${bundle}`))!.pid;
  process.kill(pid, "SIGKILL");
  await waitFor(() => !isAlive(pid));
}

test("each line has the time at which it was written, whoever reads it when, and the log stays as it is", async () => {
  const { ctr } = bench;
  const speaker = await startSpeaker("dated");
  const moments: [bigint, bigint][] = [];
  for (const text of ["one\\n", "two\\n", "\\n", "\\377\\n"]) {
    moments.push(await speaker.say(text));
    await speaker.recorded();
  }
  const texts = ["one\n", "two\n", "\n", "\ufffd\n"];
  assertWithin(parse(await ctr.ok("tasks", "logs", "--timestamps", "dated")), moments, texts);
  const last = await ctr.ok("tasks", "logs", "-t", "--tail", "2", "dated");
  assertWithin(parse(last), moments.slice(2), texts.slice(2));
  assert.is(await ctr.ok("tasks", "logs", "-t", "--tail", "0", "dated"), "");
  const since = (moment: bigint, ...more: string[]) =>
    ctr.ok(
      "tasks",
      "logs",
      "--since",
      new Date(Number(moment / MILLISECOND_NS)).toISOString(),
      ...more,
      "dated",
    );
  const second = parse(await ctr.ok("tasks", "logs", "-t", "dated"))[1]![0];
  assert.is(await since(second), texts.slice(1).join(""));
  assert.is(await since(second, "--tail", "3"), texts.slice(1).join(""));
  assert.is(await since(second, "--tail", "1"), texts[3]);
  assertWithin(parse(await since(second, "-t")), moments.slice(1), texts.slice(1));
  assert.is(await since(nowNs() + 3600n * 1000n * MILLISECOND_NS), "");
  await speaker.say("exit");
  assertWithin(parse(await ctr.ok("tasks", "logs", "-t", "dated")), moments, texts);
  const { stdoutBytes } = await ctr("tasks", "logs", "dated");
  assert.equal(Buffer.from(stdoutBytes), Buffer.from("one\ntwo\n\n\xff\n", "latin1"));
  await ctr.ok("tasks", "delete", "dated");
  assert.equal(logFiles(), []);
  await ctr.ok("containers", "delete", "dated");
});

test("a follower sees the same times as who reads later; a line has the time at which it began", async () => {
  const { ctr } = bench;
  const speaker = await startSpeaker("followed");
  const moments = [await speaker.say("one\\n")];
  await speaker.recorded();
  const follower = follow("followed", "--tail", "1");
  await follower.shown("one\n");
  moments.push(await speaker.say("begun"));
  await follower.shown("begun");
  await speaker.recorded();
  await speaker.say(" and ended\\n");
  await speaker.recorded();
  moments.push(await speaker.say("three\\n"));
  await speaker.recorded();
  await speaker.say("exit");
  const seen = await follower.ended();
  assertWithin(parse(seen), moments, ["one\n", "begun and ended\n", "three\n"]);
  assert.is(seen, await ctr.ok("tasks", "logs", "-t", "followed"));
  await remove("followed");
});

test("after the end of a killed supervisor lines have the time of the last change, and a warning says so", async () => {
  const { ctr } = bench;
  const speaker = await startSpeaker("orphaned");
  const recorded = [await speaker.say("one\\n")];
  await speaker.recorded();
  await killSupervisor("orphaned");
  assert.equal((await ctr("tasks", "logs", "-t", "orphaned")).stderr, "");

  const [before] = await speaker.say("two\\n");
  const [, after] = await speaker.say("three\\n");
  const { code, stdout, stderr } = await ctr("tasks", "logs", "-t", "orphaned");
  assert.is(code, 0);
  assertWithin(parse(stdout), [...recorded, [before, after], [before, after]], ["one\n", "two\n", "three\n"]);
  assert.is(parse(stdout)[1]![0], parse(stdout)[2]![0]);
  assert.is(
    stderr,
    "ctr: warning: the supervisor of task orphaned was killed: lines since then have the time of the last\n",
  );

  const follower = follow("orphaned", "--tail", "1");
  await follower.shown("three\n");
  const moment = await speaker.say("four\\n");
  await speaker.say("exit");
  assertWithin(parse(await follower.ended()).slice(1), [moment], ["four\n"]);
  await remove("orphaned");
  assert.equal(logFiles(), []);
});

test("a container cannot give its lines other times", async () => {
  const { ctr } = bench;
  const speaker = await startSpeaker("forger");
  const moments: [bigint, bigint][] = [];
  for (const [year, text] of [
    ["2001", "past"],
    ["2091", "future"],
  ]) {
    const forge = `touch -d ${year}-01-01 /proc/self/fd/1`;
    const [before] = await speaker.say(`!${forge}; echo ${text}; ${forge}`);
    await speaker.recorded();
    moments.push([before, nowNs() + MILLISECOND_NS]);
  }
  assertWithin(parse(await ctr.ok("tasks", "logs", "-t", "forger")), moments, ["past\n", "future\n"]);
  await remove("forger");
});

test("a log that somebody empties, as logrotate does, begins anew with its times", async () => {
  const { ctr } = bench;
  const speaker = await startSpeaker("rotated");
  await speaker.say("a line that is longer than the next\\n");
  await speaker.recorded();
  const follower = follow("rotated");
  await follower.shown("next\n");
  truncateSync(logPath("rotated"));
  await waitFor(() => records("rotated").length === 0, { what: "the end of its records" });
  const moment = await speaker.say("new\\n");
  await speaker.recorded();
  await speaker.say("exit");
  assertWithin(parse(await follower.ended()).slice(1), [moment], ["new\n"]);
  assertWithin(parse(await ctr.ok("tasks", "logs", "-t", "rotated")), [moment], ["new\n"]);
  await remove("rotated");
});

test("what follows an emptied log's end at once does not get the time of what was there before", async () => {
  const { ctr } = bench;
  const speaker = await startSpeaker("emptied");
  await speaker.say("a line that is longer than the next\\n");
  await speaker.recorded();
  // Nobody is left to see that it is emptied.
  await killSupervisor("emptied");
  truncateSync(logPath("emptied"));
  const moment = await speaker.say("new\\n");
  const { stdout, stderr } = await ctr("tasks", "logs", "-t", "emptied");
  assertWithin(parse(stdout), [moment], ["new\n"]);
  assert.match(stderr, /was killed/);
  await remove("emptied");
});

test("where the kernel gives no notice, a log is looked at every two seconds", async () => {
  const { ctr, image, directory } = bench;
  const strace = ["strace", "-f", "-o", directory.join("trace"), "-e", "trace=inotify_init1"];
  const refuse = ["-e", "inject=inotify_init1:error=EMFILE"];
  const command = [ctrExecutable, "run", "-d", image, "unnoticed", "sleep", "1000"];
  const traced = Bun.spawn([...strace, ...refuse, ...command], {
    env: ctr.env,
    stdio: ["ignore", "ignore", "inherit"],
  });
  await waitFor(() => existsSync(timesPath("unnoticed")), { what: "its supervisor at work" });
  await waitFor(
    async () => (await ctr("tasks", "exec", "unnoticed", "sh", "-c", "echo said >>/proc/1/fd/1")).code === 0,
  );
  const after = nowNs();
  await waitFor(() => records("unnoticed").length === 1, { what: "its record" });
  assert.match(readFileSync(directory.join("trace"), "utf8"), /EMFILE .*\(INJECTED\)/);
  const [[time, text]] = parse(await ctr.ok("tasks", "logs", "-t", "unnoticed")) as [[bigint, string]];
  assert.is(text, "said\n");
  assert.ok(time <= after + MILLISECOND_NS, "that of the write, not that of the look");
  await remove("unnoticed");
  await traced.exited;
});

test("a flood costs a few records, the log has each byte of it, and both are bounded", async () => {
  const { ctr, image } = bench;
  const line = `${"x".repeat(62)}\n`;
  const script = `yes ${line.trim()} | head -c ${line.length * 1_700_000}; echo end; cat`;
  const startedAt = performance.now();
  await ctr.ok("run", "-d", image, "flood", "sh", "-c", script);
  await waitFor(async () => (await ctr.ok("tasks", "logs", "--tail", "1", "flood")) === "end\n", {
    what: "the end of the flood",
    timeoutMs: 60_000,
  });
  await waitFor(() => records("flood").at(-1)?.offset === statSync(logPath("flood")).size);
  const tenths = Math.ceil((performance.now() - startedAt) / 100);
  assert.ok(records("flood").length <= tenths + 2, `${records("flood").length} records in ${tenths} tenths`);
  assert.is(statSync(logPath("flood")).size, line.length * 1_700_000 + 4);
  await waitFor(() => statSync(logPath("flood")).blocks * 512 <= (64 << 20) + (1 << 20), {
    what: "its bound",
  });

  const { stdoutBytes } = await ctr("tasks", "logs", "flood");
  const kept = Buffer.from(stdoutBytes);
  assert.ok(kept.length >= 32 << 20);
  assert.ok(kept.equals(Buffer.from(`${line.repeat((kept.length - 4) / line.length)}end\n`)));
  const dated = Buffer.from((await ctr("tasks", "logs", "-t", "flood")).stdoutBytes);
  const stampBytes = "2006-01-02T15:04:05.000000000Z ".length;
  assert.is(dated.length, kept.length + ((kept.length - 4) / line.length + 1) * stampBytes);
  await remove("flood");
});

test("following for longer than --timeout allows is a failure, as with every command", async () => {
  const { ctr, image } = bench;
  await ctr.ok("run", "-d", image, "silent", "sleep", "1000");
  const { code, stderr } = await ctr("--timeout", "300ms", "tasks", "logs", "-f", "silent");
  assert.is(code, 1);
  assert.is(stderr, "ctr: context deadline exceeded\n");
  await ctr("tasks", "delete", "--force", "silent");
});

test("where no times were recorded it says so, and prints nothing", async () => {
  const { ctr } = bench;
  const speaker = await startSpeaker("undated");
  await speaker.say("one\\n");
  rmSync(timesPath("undated"));
  const { code, stdout, stderr } = await ctr("tasks", "logs", "-t", "undated");
  assert.equal([code, stdout], [1, ""]);
  assert.match(stderr, /^ctr: times of the log of task undated: not found \(.*--timestamps.*\)\n$/);
  assert.is(await ctr.ok("tasks", "logs", "undated"), "one\n");
  await remove("undated");
});

test("a container that is started again after a reboot keeps the times of what it wrote before", async () => {
  const { ctr, image } = bench;
  await ctr.ok("run", "-d", image, "booted", "sh", "-c", "echo up; exec sleep 1000");
  const [{ pid }] = JSON.parse(await ctr.ok("tasks", "list", "-o", "json"));
  await waitFor(() => records("booted").length === 1, { what: "its record" });
  const first = await ctr.ok("tasks", "logs", "-t", "booted");
  await killSupervisor("booted");
  process.kill(pid, "SIGKILL");
  await waitFor(() => !isAlive(pid));
  unmountBelow(ctr.state);
  rmSync(ctr.state, { recursive: true });

  const before = nowNs() - TICK_NS;
  await ctr.ok("tasks", "start", "-d", "booted");
  await waitFor(() => records("booted").length === 2, { what: "its second record" });
  const both = await ctr.ok("tasks", "logs", "-t", "booted");
  assert.is(both.slice(0, first.length), first);
  assertWithin(parse(both.slice(first.length)), [[before, nowNs() + MILLISECOND_NS]], ["up\n"]);
  await remove("booted");
  assert.not.ok(existsSync(timesPath("booted")));
});

test("execs' logs have no times, and a task that fails to start leaves none", async () => {
  const { ctr, image } = bench;
  assert.is((await ctr("run", "-d", image, "failing", "/nosuch")).code, 1);
  assert.equal(logFiles(), []);
  await ctr.ok("run", "-d", image, "base", "sleep", "1000");
  await ctr.ok("tasks", "exec", "-d", "--exec-id", "talk", "base", "echo", "hi");
  await waitFor(() => readFileSync(`${logPath("base@talk")}`, "utf8") === "hi\n");
  assert.equal(logFiles().sort(), ["base.log", "base.log.times", "base@talk.log"]);
  await remove("base");
});

test.run();
