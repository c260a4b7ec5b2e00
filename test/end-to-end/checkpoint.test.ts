import { chmodSync, existsSync, readdirSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { criuTest } from "../support/criu.ts";
import { type Ctr, createCtr, ctrExecutable } from "../support/ctr.ts";
import { startPty } from "../support/pty.ts";
import { waitFor } from "../support/wait-for.ts";
import { openWorkbench } from "../support/workbench.ts";

const check = criuTest();

/** Says, for each line it reads, that line and how many there were. */
const READER = 'n=0; while read line; do n=$((n+1)); echo "$line $n"; done';
/** Counts in memory and in a file, by itself. */
const CLOCK = "n=0; while :; do sleep 0.05; n=$((n+1)); echo $n > /count; echo $n; done";

const lastLine = async (ctr: Ctr, id: string): Promise<string> =>
  (await ctr.ok("tasks", "logs", id)).trimEnd().split("\n").at(-1)!;
const count = async (ctr: Ctr, id: string): Promise<number> => Number(await lastLine(ctr, id));
const status = async (ctr: Ctr, id: string): Promise<string | undefined> =>
  JSON.parse(await ctr.ok("tasks", "list", "-o", "json")).find((task: { id: string }) => task.id === id)
    ?.status;

check(
  "a checkpoint is pushed, pulled by another state directory, and goes on there from where it was",
  async () => {
    await using bench = await openWorkbench();
    const { ctr, directory, image, registry } = bench;
    await using elsewhere = createCtr(directory.join("elsewhere", basename(directory.path)));
    const ref = `${registry.host}/checkpoints/web:1`;
    await ctr.ok("run", "-d", image, "web", "sh", "-c", CLOCK);
    await waitFor(async () => (await count(ctr, "web")) >= 3);
    assert.is(await ctr.ok("containers", "checkpoint", "--image", "--rw", "--task", "web", ref), "");
    assert.is(await status(ctr, "web"), "running");
    const reached = await count(ctr, "web");
    await waitFor(async () => (await count(ctr, "web")) > reached, { what: "the original's going on" });
    await ctr.ok("images", "push", ref);

    await elsewhere.ok("images", "pull", ref);
    assert.is(await elsewhere.ok("containers", "restore", "--rw", "--live", "web2", ref), "");
    const first = await waitFor(async () =>
      Number((await elsewhere.ok("tasks", "logs", "web2")).split("\n")[0]),
    );
    assert.ok(first > 3 && first <= reached + 2, `${first} follows a count of at most ${reached}`);
    await waitFor(async () => (await count(elsewhere, "web2")) > first + 2, {
      what: "the restored one's going on",
    });
    assert.ok(Number(await elsewhere.ok("tasks", "exec", "web2", "cat", "/count")) > first);
    await elsewhere.ok("tasks", "kill", "-s", "KILL", "web2");
    assert.is((await elsewhere("tasks", "wait", "web2")).code, 137);
    await elsewhere.ok("tasks", "delete", "web2");
    await elsewhere.ok("containers", "delete", "web2");
    await ctr.ok("tasks", "delete", "--force", "web");
  },
);

check("tasks checkpoint takes everything, and --exit ends the task when it is safe", async () => {
  await using bench = await openWorkbench();
  const { ctr, image } = bench;
  await ctr.ok("run", "-d", image, "c", "sh", "-c", CLOCK);
  await waitFor(async () => (await count(ctr, "c")) >= 2);
  const name = (await ctr.ok("tasks", "checkpoint", "--exit", "c")).trimEnd();
  assert.match(name, /^containerd\.io\/checkpoint\/c:\d\d-\d\d-\d{4}-\d\d:\d\d:\d\d$/);
  assert.is(await status(ctr, "c"), "stopped");
  const reached = await count(ctr, "c");
  assert.is((await ctr("tasks", "wait", "c")).code, 137);
  await ctr.ok("tasks", "delete", "c");
  await ctr.ok("containers", "delete", "c");
  const [listed] = JSON.parse(await ctr.ok("images", "list", "-o", "json", `name==${name}`));
  assert.equal(listed.labels, { "containerd.io/checkpoint": "true" });

  // Both go on from the same moment.
  for (const id of ["one", "two"]) await ctr.ok("containers", "restore", "--rw", "--live", id, name);
  for (const id of ["one", "two"]) {
    await waitFor(async () => (await count(ctr, id)) > reached + 1);
    const first = Number((await ctr.ok("tasks", "logs", id)).split("\n")[0]);
    assert.is(first, reached + 1, id);
    const { Image } = JSON.parse(await ctr.ok("containers", "info", id));
    assert.is(Image, image);
  }
  await ctr.ok("tasks", "pause", "one");
  assert.is(await status(ctr, "one"), "paused");
  assert.is(await status(ctr, "two"), "running");
  for (const id of ["one", "two"]) await ctr.ok("tasks", "delete", "--force", id);
});

check("with --image-path there are criu's images and no other, with --work-path its log", async () => {
  await using bench = await openWorkbench();
  const { ctr, directory, image } = bench;
  await ctr.ok("run", "-d", "--null-io", image, "c", "tail", "-f", "/dev/null");
  const [images, work] = [directory.join("images"), directory.join("work")];
  assert.is(await ctr.ok("tasks", "checkpoint", "--image-path", images, "--work-path", work, "c"), "");
  assert.ok(readdirSync(images).includes("inventory.img"));
  assert.ok(existsSync(`${work}/dump.log`));
  const events = await ctr.ok("events", "--since", "1h", "--no-follow", "event.container_id==c");
  assert.equal(
    [...events.matchAll(/ (\/tasks\/(?:pau|check|resu)\S+) (.*)/g)].map(([, topic, fields]) => [
      topic,
      JSON.parse(fields!),
    ]),
    [
      ["/tasks/paused", { container_id: "c" }],
      ["/tasks/checkpointed", { container_id: "c", checkpoint: images }],
      ["/tasks/resumed", { container_id: "c" }],
    ],
  );
  assert.is(await status(ctr, "c"), "running");
  assert.is(await ctr.ok("images", "list", "-q"), `${image}\n`);
  await ctr.ok("tasks", "delete", "--force", "c");
});

check("without --live a restored container starts afresh, with the files it had changed", async () => {
  await using bench = await openWorkbench();
  const { ctr, image } = bench;
  await ctr.ok("run", "-d", image, "c", "sh", "-c", "cat /kept; echo changed > /kept; tail -f /dev/null");
  await waitFor(async () => (await ctr.ok("tasks", "exec", "c", "cat", "/kept")) === "changed\n");
  await ctr.ok("containers", "checkpoint", "--rw", "c", "files:1");
  for (const [id, flags, output] of [
    ["with", ["--rw"], "changed"],
    ["without", [], "cat: can't open '/kept': No such file or directory"],
  ] as const) {
    await ctr.ok("containers", "restore", ...flags, id, "files:1");
    await waitFor(async () => (await lastLine(ctr, id)) === output);
  }
  for (const id of ["c", "with", "without"]) await ctr.ok("tasks", "delete", "--force", id);
});

check("a restored task reads its standard input, and can be checkpointed again", async () => {
  await using bench = await openWorkbench();
  const { ctr, image } = bench;
  const send = async (id: string, line: string) => {
    const attached = ctr.start(["tasks", "attach", id]);
    attached.stdin.write(`${line}\n`);
    attached.stdin.flush();
    await waitFor(async () => (await lastLine(ctr, id)).startsWith(`${line} `));
    attached.kill("SIGKILL");
    await attached.exited;
    return lastLine(ctr, id);
  };
  await ctr.ok("run", "-d", image, "c1", "sh", "-c", READER);
  assert.is(await send("c1", "first"), "first 1");
  for (const [from, to, line] of [
    ["c1", "c2", "second 2"],
    ["c2", "c3", "third 3"],
  ] as const) {
    await ctr.ok("containers", "checkpoint", "--image", "--rw", "--task", from, `again:${to}`);
    await ctr.ok("tasks", "delete", "--force", from);
    await ctr.ok("containers", "restore", "--rw", "--live", to, `again:${to}`);
    assert.is(await send(to, line.split(" ")[0]!), line);
  }
  await ctr.ok("tasks", "delete", "--force", "c3");
});

check("a terminal is the restorer's, and so is the exit code", async () => {
  await using bench = await openWorkbench();
  const { ctr, image } = bench;
  const script = `${READER.replace("; done", '; [ "$line" != end ] || exit 7; done')}`;
  await ctr.ok("run", "-d", "-t", image, "c", "sh", "-c", script);
  await ctr.ok("containers", "checkpoint", "--image", "--rw", "--task", "c", "tty:1");
  await ctr.ok("tasks", "delete", "--force", "c");
  await using pty = startPty([ctrExecutable, "containers", "restore", "--rw", "--live", "d", "tty:1"], {
    env: ctr.env,
  });
  pty.write("hello\r");
  await pty.waitForOutput("hello 1");
  pty.write("end\r");
  assert.is(await pty.exited, 7);
  assert.match(pty.output(), /end 2/);
  assert.is(await ctr.ok("tasks", "list", "-q"), "");
});

check("pipes, mounts, the host name and file locks come back", async () => {
  await using bench = await openWorkbench();
  const { ctr, directory, image } = bench;
  const shared = directory.join("shared", "count").slice(0, -"/count".length);
  const mounts = [
    `type=bind,src=${shared},dst=/shared,options=rbind:rw`,
    "type=bind,src=/usr,dst=/host,options=rbind:ro",
    "type=tmpfs,dst=/memory,options=rw",
  ];
  // Busybox has no flock of its own.
  const lock =
    'flock() { $(echo /host/lib/*/ld-linux*.so.*) --library-path $(dirname /host/lib/*/libc.so.6) /host/bin/flock "$@"; }';
  const script = `${lock}; echo there > /memory/file; exec 7<>/lock; flock -x 7; while :; do sleep 0.05; n=$((n+1)); echo $n; echo $n > /shared/count; done`;
  const words = ["run", "--hostname", "checkpointed", ...mounts.flatMap((mount) => ["--mount", mount])];
  const out = directory.join("out");
  const pipeline = Bun.spawn(
    ["sh", "-c", '"$@" </dev/null | cat >"$0"', out, ctrExecutable, ...words, image, "c", "sh", "-c", script],
    { env: ctr.env },
  );
  await waitFor(() => Number(readFileSync(out, "utf8").trimEnd().split("\n").at(-1)) >= 3);
  await ctr.ok("containers", "checkpoint", "--image", "--rw", "--task", "c", "pipes:1");
  await ctr("tasks", "delete", "--force", "c");
  await pipeline.exited;
  await ctr.ok("containers", "restore", "--rw", "--live", "d", "pipes:1");
  await waitFor(async () => (await count(ctr, "d")) > 4);
  const question = `${lock}; hostname; cat /memory/file; flock -n /lock true || echo held`;
  assert.is(await ctr.ok("tasks", "exec", "d", "sh", "-c", question), "checkpointed\nthere\nheld\n");
  const reached = await count(ctr, "d");
  await waitFor(() => Number(readFileSync(`${shared}/count`, "utf8")) > reached);
  await ctr.ok("tasks", "delete", "--force", "d");
});

const MAPS = ["--uidmap", "0:100000:65536", "--gidmap", "0:200000:65536"];
const CONTAINERS: [what: string, flags: string[]][] = [
  ["mapped users", MAPS],
  ["mapped users in copied snapshots", ["--snapshotter", "native", ...MAPS]],
  ["the host's network", ["--net-host"]],
  ["every privilege", ["--privileged"]],
  [
    "a filter of system calls, a limit of memory and a read-only root",
    ["--seccomp", "--memory-limit", "99000000", "--read-only"],
  ],
];

for (const [what, flags] of CONTAINERS) {
  check(`a container with ${what} is restored as it was`, async () => {
    await using bench = await openWorkbench();
    const { ctr, directory, image } = bench;
    // The root of a user namespace has to get through.
    for (const path of [process.env.TMPDIR, directory.path, directory.join("ctr")])
      if (path) chmodSync(path, 0o711);
    const facts =
      "id; ip link show lo | head -n 1; stat -c '%n %u %g %a %s' / /tmp /bin/* | sort; grep -E 'Cap|Seccomp|NoNew' /proc/self/status; wc -l < /proc/mounts; touch /new || true";
    const ask = async (id: string) => {
      const limit = /memory\.(?:limit_in_bytes|usage_limit) +\d+/.exec(
        await ctr.ok("tasks", "metrics", id),
      )?.[0];
      return `${limit}\n${await ctr.ok("tasks", "exec", id, "sh", "-c", `{ ${facts}; } 2>&1`)}`;
    };
    await ctr.ok("run", "-d", ...flags, image, "c", "tail", "-f", "/dev/null");
    const before = await ask("c");
    await ctr.ok("containers", "checkpoint", "--image", "--rw", "--task", "c", "kept:1");
    await ctr.ok("tasks", "delete", "--force", "c");
    await ctr.ok("containers", "restore", "--rw", "--live", "d", "kept:1");
    assert.is(await ask("d"), before);
    await ctr.ok("tasks", "delete", "--force", "d");
  });
}

check("the image of a checkpoint is listed, checked, inspected, exported, imported and removed", async () => {
  await using bench = await openWorkbench();
  const { ctr, directory, image } = bench;
  await using elsewhere = createCtr(directory.join("elsewhere", basename(directory.path)));
  await ctr.ok("run", "-d", image, "c", "sh", "-c", CLOCK);
  await ctr.ok("containers", "checkpoint", "--image", "--rw", "--task", "c", "example.com/saved:1");
  await ctr.ok("tasks", "delete", "--force", "c");
  await ctr.ok("containers", "delete", "c");
  await ctr.ok("images", "rm", "--sync", image);
  assert.match(await ctr.ok("images", "list"), /example\.com\/saved:1 .*image\.index.* linux\/amd64 /);
  assert.match(await ctr.ok("images", "check", "name==example.com/saved:1"), / complete /);
  const inspected = await ctr.ok("images", "inspect", "example.com/saved:1");
  for (const part of [
    "criu.checkpoint.criu.tar",
    "checkpoint.config.v1+proto",
    "image.manifest",
    "tar+gzip",
  ]) {
    assert.ok(inspected.includes(part), part);
  }
  const archive = directory.join("saved.tar");
  await ctr.ok("images", "export", archive, "example.com/saved:1");
  await ctr.ok("images", "rm", "--sync", "example.com/saved:1");
  assert.is(await ctr.ok("content", "list", "-q"), "");
  await elsewhere.ok("images", "import", archive);
  await elsewhere.ok("containers", "restore", "--rw", "--live", "d", "example.com/saved:1");
  await waitFor(async () => (await count(elsewhere, "d")) > 1);
  assert.is(JSON.parse(await elsewhere.ok("containers", "info", "d")).Image, "example.com/saved:1");
  await elsewhere.ok("tasks", "delete", "--force", "d");
});

test.run();
