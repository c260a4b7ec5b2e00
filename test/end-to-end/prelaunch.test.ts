import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { openLockFile } from "../../src/files/lock-file.ts";
import { makeFifo } from "../../src/sys/descriptors.ts";
import { mountsBelow } from "../support/mounts.ts";
import { processesNaming } from "../support/processes.ts";
import { waitFor } from "../support/wait-for.ts";
import { openWorkbench, type Workbench } from "../support/workbench.ts";

let bench: Workbench;
const test = suite("a runtime that is started before its container is made");
test.before(async () => {
  bench = await openWorkbench();
});
test.after(async () => {
  await bench[Symbol.asyncDispose]();
});

const ours = (word: string) =>
  processesNaming(bench.ctr.state).filter(({ command }) => command.includes(word));
const waitingRuntimes = () => ours("run --detach --bundle");

interface Waiting {
  client: Bun.Subprocess<"pipe", "pipe", "pipe">;
  supervisorPid: number;
  runtimePid: number;
  /** Lets the client go on making the container. */
  letGo(): void;
}

let gates = 0;

/** A client that is still making its container, held up where it writes down its spec. */
async function startWaiting(words: string[], ...flags: string[]): Promise<Waiting> {
  const gate = bench.directory.join(`gate-${++gates}`);
  makeFifo(gate, 0o600);
  const command = ["run", "--rm", "--dump-config", gate, ...flags, bench.image, "box", ...words];
  const client = bench.ctr.start(command);
  const what = "a runtime that waits for its spec";
  const runtime = await waitFor(() => waitingRuntimes()[0], { what });
  const [supervisor] = ours("_supervise");
  return {
    client,
    supervisorPid: supervisor!.pid,
    runtimePid: runtime.pid,
    letGo: () => void readFileSync(gate),
  };
}

async function assertNothingLeft(): Promise<void> {
  await waitFor(() => ours("").length === 0, { what: "the end of all processes" });
  assert.equal(readdirSync(join(bench.ctr.state, "tasks", bench.ctr.namespace)), []);
  assert.equal(mountsBelow(bench.ctr.state), []);
  assert.is(await bench.ctr.ok("run", "--rm", bench.image, "box", "echo", "again"), "again\n");
}

test("it has its spec as soon as there is one, and the container runs as any other", async () => {
  const { client, letGo } = await startWaiting(["sh", "-c", "echo out; exit 3"]);
  letGo();
  assert.is(await client.stdout.text(), "out\n");
  assert.is(await client.exited, 3);
  await assertNothingLeft();
});

test("it goes with a client that is killed", async () => {
  const { client } = await startWaiting(["true"]);
  client.kill("SIGKILL");
  await assertNothingLeft();
});

test("so does one that a program in between has started, which holds the caller's streams", async () => {
  const between = bench.directory.join("between");
  writeFileSync(between, '#!/bin/sh\nrunc "$@"\nexit $?\n', { mode: 0o755 });
  const { client } = await startWaiting(["true"], "--runc-binary", between);
  await waitFor(() => waitingRuntimes().length === 2, { what: "a runtime below another program" });
  client.kill("SIGKILL");
  await assertNothingLeft();
  await client.stdout.text();
});

test("Ctrl-C ends the unpacking of its image, and it", async () => {
  const [layer] = (await bench.ctr.ok("snapshots", "list")).match(/sha256:\w+/)!;
  const lock = join(bench.ctr.root, "locks", `unpack-native-${layer!.replace(":", "_")}`);
  using _ = await openLockFile(lock);
  const client = bench.ctr.start(["run", "--rm", "--snapshotter", "native", bench.image, "box", "true"]);
  await waitFor(() => waitingRuntimes().length === 1, { what: "a runtime that waits for its spec" });
  client.kill("SIGINT");
  assert.is(await client.stderr.text(), "ctr: wait for a lock: interrupted: canceled\n");
  assert.is(await client.exited, 1);
  await assertNothingLeft();
});

test("it goes when its supervisor is killed, and the client says so", async () => {
  const { client, supervisorPid, letGo } = await startWaiting(["true"]);
  process.kill(supervisorPid, "SIGKILL");
  letGo();
  assert.is(await client.exited, 1);
  assert.match(await client.stderr.text(), /^ctr: failed to create shim task: supervisor: unavailable\n$/);
  await assertNothingLeft();
});

test("whoever takes the name ends it when client and supervisor were both killed", async () => {
  const { client, supervisorPid, runtimePid } = await startWaiting(["true"]);
  process.kill(supervisorPid, "SIGKILL");
  client.kill("SIGKILL");
  await client.exited;
  assert.ok(waitingRuntimes().some(({ pid }) => pid === runtimePid));
  assert.is(await bench.ctr.ok("run", "--rm", bench.image, "box", "echo", "mine"), "mine\n");
  await assertNothingLeft();
});

test("a container that cannot be made ends it, with one line of words and nothing of its own", async () => {
  const words = ["run", "--rm", "--user", "nobody-here", bench.image, "box", "true"];
  const shell = `exec 2>&1; dist=$1; shift; "$dist" "$@" | cat`;
  const result = Bun.spawnSync(
    ["sh", "-c", shell, "sh", join(import.meta.dirname, "../../dist/ctr"), ...words],
    {
      env: bench.ctr.env,
    },
  );
  assert.match(result.stdout.toString(), /^ctr: invalid USER value "nobody-here"[^\n]*\n$/);
  await assertNothingLeft();
});

test("one that fails before it reads its spec says why, and leaves nothing", async () => {
  const runtime = bench.directory.join("failing-runtime");
  const script = `#!/bin/sh
while [ "$1" != --log ]; do shift; done
echo '{"level":"error","msg":"no, thank you"}' >"$2"
exit 1
`;
  writeFileSync(runtime, script, { mode: 0o755 });
  for (let count = 0; count < 5; count++) {
    const words = ["run", "--rm", "--runc-binary", runtime, bench.image, "box", "true"];
    const { code, stderr } = await bench.ctr(...words);
    assert.is(code, 1);
    const reason = "OCI runtime create failed: no, thank you: unknown";
    assert.is(stderr, `ctr: failed to create shim task: ${reason}\n`);
  }
  await assertNothingLeft();
});

test("a spec larger than a pipe arrives whole", async () => {
  const values = Array.from({ length: 5 }, (_, index) => `${index}`.repeat(100_000));
  const flags = values.flatMap((value, index) => ["--env", `V${index}=${value}`]);
  const script = "echo $V0$V1$V2$V3$V4 | wc -c";
  const output = await bench.ctr.ok("run", "--rm", ...flags, bench.image, "box", "sh", "-c", script);
  assert.is(output, "500001\n");
  await assertNothingLeft();
});

test("what the runtime was given stays in the bundle as a file, for hooks and for runtimes that read it twice", async () => {
  const client = bench.ctr.start(["run", "--rm", bench.image, "box", "sleep", "1000"]);
  const bundle = join(bench.ctr.state, "tasks", bench.ctr.namespace, "box");
  await waitFor(async () => (await bench.ctr("tasks", "list")).stdout.includes("RUNNING"));
  assert.equal(JSON.parse(readFileSync(join(bundle, "config.json"), "utf8")).process.args, ["sleep", "1000"]);
  client.kill("SIGKILL");
  await bench.ctr.ok("tasks", "delete", "--force", "box");
  await assertNothingLeft();
});

test.run();
