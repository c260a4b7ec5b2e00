import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { openOutputFile } from "../../src/files/output-file.ts";
import { hasErrno } from "../../src/sys/errno.ts";
import { run } from "../support/run-program.ts";
import { tempDir } from "../support/temp.ts";

const bytes = Buffer.from("content");

test("the name comes with the commit", async () => {
  using directory = tempDir();
  const path = directory.join("file");
  using file = await openOutputFile(path);
  file.write(bytes);
  file.write(bytes);
  assert.equal(readdirSync(directory.path), []);
  file.commit();
  assert.is(readFileSync(path, "utf8"), "contentcontent");
  assert.equal(readdirSync(directory.path), ["file"]);
});

test("what is not committed leaves nothing, and the old content", async () => {
  using directory = tempDir();
  const path = directory.join("file");
  writeFileSync(path, "old", { mode: 0o640 });
  {
    using file = await openOutputFile(path);
    file.write(bytes);
  }
  assert.is(readFileSync(path, "utf8"), "old");
  assert.equal(readdirSync(directory.path), ["file"]);
  using file = await openOutputFile(path);
  file.write(bytes);
  file.commit();
  assert.is(readFileSync(path, "utf8"), "content");
  assert.is(statSync(path).mode & 0o777, 0o640);
});

test("a new file's permissions are the umask's", async () => {
  using directory = tempDir();
  const umask = process.umask(0o027);
  try {
    using file = await openOutputFile(directory.join("file"));
    file.commit();
    assert.is(statSync(directory.join("file")).mode & 0o777, 0o640);
  } finally {
    process.umask(umask);
  }
});

test("a pipe is written to as it is", async () => {
  using directory = tempDir();
  const pipe = directory.join("pipe");
  await run(["mkfifo", pipe]);
  const reader = run(["cat", pipe]);
  const writer = Bun.spawn([process.execPath, "-e", WRITE_TO, pipe], { cwd: import.meta.dirname });
  assert.is((await reader).stdout, "content");
  assert.is(await writer.exited, 0);
  assert.ok(statSync(pipe).isFIFO());
});

/** In a process of its own, for opening a pipe blocks until somebody reads. */
const WRITE_TO = `
  import { openOutputFile } from "../../src/files/output-file.ts";
  const file = await openOutputFile(process.argv.at(-1));
  file.write(Buffer.from("content"));
  file.commit();
`;

test("a writer that is killed leaves nothing", async () => {
  using directory = tempDir();
  const command = [process.execPath, "-e", WRITE_AND_WAIT, directory.join("file")];
  const writer = Bun.spawn(command, { cwd: import.meta.dirname, stdout: "pipe" });
  const { value } = await writer.stdout.getReader().read();
  assert.is(Buffer.from(value ?? []).toString(), "written\n");
  writer.kill("SIGKILL");
  await writer.exited;
  assert.equal(readdirSync(directory.path), []);
});

const WRITE_AND_WAIT = `
  import { openOutputFile } from "../../src/files/output-file.ts";
  const file = await openOutputFile(process.argv.at(-1));
  file.write(Buffer.from("content"));
  console.log("written");
  setInterval(() => file, 1000);
`;

test("a directory, and one that is not there, are refused", async () => {
  using directory = tempDir();
  mkdirSync(directory.join("below"));
  const refusal = (path: string) => openOutputFile(path).catch((reason: unknown) => reason);
  assert.ok(hasErrno(await refusal(directory.join("below")), "EISDIR"));
  assert.ok(hasErrno(await refusal(`${directory.path}/none/file`), "ENOENT"));
  assert.not.ok(existsSync(`${directory.path}/none`));
});

test("what a writer left that was killed at its last step goes with the next file of that name", async () => {
  using directory = tempDir();
  const path = directory.join("file");
  writeFileSync(`${directory.path}/.tmp-file-0123456789ab`, "left");
  writeFileSync(`${directory.path}/.tmp-other-0123456789ab`, "not ours");
  using file = await openOutputFile(path);
  file.commit();
  assert.equal(readdirSync(directory.path).sort(), [".tmp-other-0123456789ab", "file"]);
});

test.run();
