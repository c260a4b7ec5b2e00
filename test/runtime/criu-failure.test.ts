import { writeFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { CtrError } from "../../src/core/errors.ts";
import { criuFailure } from "../../src/runtime/criu/program.ts";
import { tempDir } from "../support/temp.ts";

const RUNTIMES = new CtrError("Unknown", "error running hook #0: exit status 3");
const line = (words: string): string => `(00.064151) Error (criu/some-file.c:156): ${words}\n`;

/** What is told of a log of these errors, and with which hint. */
function told(...errors: string[]): [string, string | undefined] {
  using dir = tempDir();
  const log = dir.join("restore.log");
  writeFileSync(log, `(00.000010) Version: 4.1\n${errors.map(line).join("")}(00.1) Unlock network\n`);
  const error = criuFailure(log, "restore failed", RUNTIMES) as CtrError;
  return [error.message, error.hint];
}

test("the last two errors before the news that it failed are told", () => {
  const consequences = ["Restoring FAILED.", "Can't send response: Broken pipe"];
  assert.equal(told("got over", "Can't open /x", "Can't restore files", ...consequences), [
    "restore failed: criu failed: Can't open /x; Can't restore files: unknown",
    "options that criu asks for can be set in /etc/criu/runc.conf",
  ]);
});

test("where a hook failed, or criu says nothing, it is told in the runtime's words", () => {
  const words = [RUNTIMES.message, undefined];
  assert.equal(
    told("rlimit: not permitted", "One of more action scripts failed", "Restoring FAILED."),
    words,
  );
  assert.equal(told(), words);
  assert.is(criuFailure("/nonexistent/restore.log", "", RUNTIMES), RUNTIMES);
});

test("a criu that is older than the kernel's sockets is told as that", () => {
  const causes = [
    "sockets: Can't get 1:34 opt: Operation not supported",
    "Dump files (pid: 7) failed with -1",
  ];
  const [words, hint] = told(...causes, "Dumping FAILED.");
  assert.match(words, causes.join("; "));
  assert.is(hint, "this kernel has sockets that criu knows since 4.2");
});

test.run();
