import { suite } from "uvu";
import * as assert from "uvu/assert";
import { busyboxImage } from "../support/busybox-image.ts";
import { type Ctr, createCtr, ctrExecutable } from "../support/ctr.ts";
import { startPty } from "../support/pty.ts";
import { pushImage } from "../support/push-image.ts";
import { type Registry, startRegistry } from "../support/registry.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

const test = suite("at a terminal");
let directory: TempDir;
let ctr: Ctr;
let registry: Registry;
let image: string;

test.before(async () => {
  directory = tempDir();
  ctr = createCtr(directory.path);
  registry = await startRegistry(directory.path, {
    credentials: { username: "alice", password: "s3cret" },
  });
  image = await pushImage(busyboxImage(), registry, "library/busybox");
});
test.after(async () => {
  await registry[Symbol.asyncDispose]();
  await ctr[Symbol.asyncDispose]();
  directory[Symbol.dispose]();
});

const pull = (...flags: string[]) => [ctrExecutable, "images", "pull", ...flags, image];

test("a password that is left out is asked for and not shown", async () => {
  await using terminal = startPty(pull("--user", "alice"), { env: { ...ctr.env } });
  await terminal.waitForOutput("Password: ");
  terminal.write("wrong\x7f\x7f\x7f\x7f\x7fs3cret\r");
  assert.is(await terminal.exited, 0);
  assert.match(terminal.output(), /done: /);
  assert.not.match(terminal.output(), /s3cret|wrong/);
});

test("Ctrl-C at the password ends it, and the terminal shows again what is typed", async () => {
  const program = `${pull("--user", "alice").join(" ")}; echo "code $?"; stty -a | grep -o '[-]*echo '`;
  await using terminal = startPty(["bash", "-c", program], { env: { ...ctr.env } });
  await terminal.waitForOutput("Password: ");
  terminal.write("abc\x03");
  assert.is(await terminal.exited, 0);
  assert.match(terminal.output(), /code 1\r\n/);
  assert.match(terminal.output(), /\necho /);
});

test("without a terminal a password cannot be asked for, and the error says what to do", async () => {
  const { code, stderr } = await ctr("images", "pull", "--user", "alice", image);
  assert.is(code, 1);
  assert.match(stderr, /^ctr: password cannot be asked for: .* \(give it with --user NAME:PASSWORD\)\n$/);
});

test("a pull is watched live, and ends with the reference and every part done", async () => {
  await ctr.ok("images", "delete", "--sync", image);
  await using terminal = startPty(pull("--user", "alice:s3cret"), {
    env: { ...ctr.env, TERM: "xterm" },
    columns: 200,
    rows: 40,
  });
  assert.is(await terminal.exited, 0);
  const output = terminal.output();
  const last = output.slice(output.lastIndexOf("\x1b[J"));
  assert.match(last, `${image}:`);
  assert.match(last, /manifest-sha256:[0-9a-f]{64}: +done/);
  assert.match(last, /layer-sha256:[0-9a-f]{64}: +done/);
  assert.match(last, /elapsed: .*total: /);
  assert.match(last, /unpacking linux\/amd64 sha256:[0-9a-f]{64}\.\.\.\r\ndone: /);
});

test("NO_COLOR keeps colour out, and a dumb terminal gets no escapes at all", async () => {
  const watch = async (env: Record<string, string>) => {
    await using terminal = startPty(pull("--user", "alice:s3cret"), {
      env: { ...ctr.env, TERM: "xterm", ...env },
    });
    assert.is(await terminal.exited, 0);
    return terminal.output();
  };
  const green = "\x1b[32m";
  assert.match(await watch({}), green);
  const plain = await watch({ NO_COLOR: "1" });
  assert.match(plain, "\x1b[J");
  assert.not.match(plain, green);
  assert.not.match(await watch({ TERM: "dumb" }), "\x1b");
});

test("not at a terminal, and with --quiet, nobody has to read progress", async () => {
  const plain = await ctr("images", "pull", "--user", "alice:s3cret", image);
  assert.match(plain.stdout, /^unpacking linux\/amd64 sha256:[0-9a-f]{64}\.\.\.\ndone: [\d.]+m?s\t\n$/);
  assert.is(plain.stderr, "");
  await using terminal = startPty(pull("--quiet", "--user", "alice:s3cret"), { env: { ...ctr.env } });
  assert.is(await terminal.exited, 0);
  assert.is(terminal.output(), "");
});

test.run();
