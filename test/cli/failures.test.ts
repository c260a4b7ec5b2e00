import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Ctr, createCtr } from "../support/ctr.ts";
import { run } from "../support/run-program.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

const test = suite("failures");
let directory: TempDir;
let ctr: Ctr;
test.before(() => {
  directory = tempDir();
  ctr = createCtr(directory.path);
});
test.after(async () => {
  await ctr[Symbol.asyncDispose]();
  directory[Symbol.dispose]();
});

test("a failure is one line on standard error, with a hint where there is one, and exit code 1", async () => {
  const { code, stdout, stderr } = await ctr("containers", "create", "nosuch:1", "c");
  assert.is(code, 1);
  assert.is(stdout, "");
  assert.is(stderr, 'ctr: image "nosuch:1": not found (pull it with: ctr images pull nosuch:1)\n');
});

test("--debug adds the whole story, wherever it stands", async () => {
  for (const words of [
    ["--debug", "containers", "info", "c"],
    ["containers", "info", "c", "--debug"],
  ]) {
    const { stderr } = await ctr(...words);
    assert.match(stderr, /^ctr: container "c".*: not found\n(?:.*\n)*\s+at /);
  }
});

test("an unknown command is exit code 3, on standard error alone", async () => {
  const { code, stdout, stderr } = await ctr("nosuch");
  assert.is(`${code} ${stdout}${stderr}`, "3 No help topic for 'nosuch'\n");
});

test("a usage error shows help on standard output and the reason on both", async () => {
  const { code, stdout, stderr } = await ctr("images", "list", "--nosuch");
  assert.is(code, 1);
  assert.match(stdout, /^Incorrect Usage: flag provided but not defined: -nosuch\n\nUsage: ctr images list /);
  assert.is(stderr, "ctr: flag provided but not defined: -nosuch\n");
});

test("words that a command has no place for are ignored, and told", async () => {
  const { code, stderr } = await ctr("namespaces", "list", "one", "two\x1b");
  assert.equal([code, stderr], [0, 'ctr: warning: ctr namespaces list ignores "one", "two\\u001b"\n']);
});

test("help and groups alone are exit code 0", async () => {
  for (const words of [[], ["--help"], ["images"], ["images", "list", "-h"], ["help", "run"]]) {
    const { code, stdout, stderr } = await ctr(...words);
    assert.is(`${code}${stderr}`, "0", words.join(" "));
    assert.match(stdout, /^Usage: ctr /);
  }
});

test("a reader that goes away is no failure to talk about", async () => {
  const program = `set -o pipefail; ${ctrPath()} run --help | true; echo "code $?"`;
  const { stdout, stderr } = await run(["bash", "-c", program], { env: { ...ctr.env } });
  assert.match(stdout, /^code (?:0|141)\n$/);
  assert.is(stderr, "");
  const closed = await run(["bash", "-c", `${ctrPath()} run --help >/dev/full`], { env: { ...ctr.env } });
  assert.is(closed.code, 1);
  assert.match(closed.stderr, /^ctr: .*no space left on device.*\n$/i);
});

test("results survive a slow reader, whole", async () => {
  const program = `${ctrPath()} content ingest big <big && ${ctrPath()} content get "$1" | { sleep 0.2; sha256sum; }`;
  const bytes = new Uint8Array(3_000_000).fill(7);
  await Bun.write(directory.join("big"), bytes);
  const hex = new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
  const { stdout, stderr } = await run(["bash", "-c", program, "bash", `sha256:${hex}`], {
    env: { ...ctr.env },
    cwd: directory.path,
  });
  assert.is(stderr, "");
  assert.is(stdout, `${hex}  -\n`);
});

test("--timeout ends what takes longer, in Go's words", async () => {
  using server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const ref = `127.0.0.1:${server.port}/silent:1`;
  const { code, stderr } = await ctr("--timeout", "300ms", "images", "pull", "--plain-http", ref);
  assert.is(code, 1);
  assert.match(stderr, /^ctr: .*context deadline exceeded\n$/);
  assert.is((await ctr("--timeout", "30s", "version")).code, 0);
});

test("the flags and variables of a daemon are taken and change nothing", async () => {
  const flags = ["--address", "/nosuch", "--connect-timeout", "1s"];
  assert.is(await ctr.ok(...flags, "namespaces", "list", "-q"), await ctr.ok("namespaces", "list", "-q"));
  const inEnvironment = await ctr.with({ env: { CONTAINERD_ADDRESS: "/nosuch" } })("namespaces", "list");
  assert.is(inEnvironment.code, 0);
});

test("an empty namespace is refused, whether given or in the environment", async () => {
  const expected = "ctr: namespace is required: failed precondition\n";
  assert.is((await ctr("-n", "", "images", "list")).stderr, expected);
  const inEnvironment = await ctr.with({ env: { CONTAINERD_NAMESPACE: "" } })("images", "list");
  assert.is(inEnvironment.stderr, expected);
});

test("an empty state directory is refused, and a relative one is below the working directory", async () => {
  for (const flag of ["root", "state"]) {
    const { code, stderr } = await ctr(`--${flag}`, "", "namespaces", "create", "n");
    assert.is(`${code} ${stderr}`, `1 ctr: --${flag} must name a directory\n`);
  }
  await ctr.with({ cwd: directory.path })("--root", "relative", "namespaces", "create", "n");
  assert.ok(await Bun.file(directory.join("relative", "metadata.db")).exists());
});

function ctrPath(): string {
  return `${import.meta.dirname}/../../dist/ctr`;
}

test.run();
