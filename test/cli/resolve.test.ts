import { test } from "uvu";
import * as assert from "uvu/assert";
import { commands } from "../../src/cli/commands/table.ts";
import { type Request, resolve } from "../../src/cli/resolve.ts";
import { UnknownCommand } from "../../src/cli/usage-error.ts";

/** A request in one line. */
function shown(request: Request): string {
  if (request.kind === "version") return "version";
  const path = request.path.join(" ");
  if (request.kind !== "run") {
    const place = `${request.kind} ${path}`.trimEnd();
    return request.problem ? `${place}: ${request.problem.message}` : place;
  }
  const given = (flags: readonly { key: string; text: string }[]) =>
    flags.map(({ key, text }) => `${key}=${text}`).join(" ");
  const { globals, leaf } = request;
  return `${path} | ${given(globals)} | ${given(leaf.given)} | ${leaf.positionals.join(" ")}`;
}

function resolves(line: string, expected: string): void {
  test(`ctr ${line}`, async () => {
    assert.is(shown(await resolve(commands, line === "" ? [] : line.split(" "))), expected);
  });
}

resolves("", "group-help");
resolves("-h", "group-help");
resolves("help", "group-help");
resolves("h images", "group-help images");
resolves("help i ls", "command-help images list");
resolves("images", "group-help images");
resolves("image --help", "group-help images");
resolves("images help ls", "command-help images list");
resolves("i ls -h", "command-help images list");
resolves("-v", "version");
resolves("--version images", "version");
resolves("i ls", "images list |  |  | ");
resolves("-n a --debug i ls -q x", "images list | namespace=a debug=true | quiet=true | x");
resolves("i ls x -q -n a", "images list | namespace=a | quiet=true | x");
resolves("images -n a ls", "images list | namespace=a |  | ");
resolves("snapshots --snapshotter native ls", "snapshots list |  | snapshotter=native | ");
resolves(
  "snapshots --snapshotter native ls --snapshotter x",
  "snapshots list |  | snapshotter=native snapshotter=x | ",
);
resolves("run --rm img id --rm -n x", "run |  | rm=true | img id --rm -n x");
resolves("c create img id sh -c x", "containers create |  |  | img id sh -c x");
resolves("--bad", "group-help: flag provided but not defined: -bad");
resolves("images --bad", "group-help images: flag provided but not defined: -bad");
resolves("images ls --bad", "command-help images list: flag provided but not defined: -bad");
resolves("--timeout soon version", 'group-help: invalid value "soon" for flag -timeout: parse error');

test("an unknown command is told with what was probably meant", async () => {
  const problem = async (...words: string[]) => {
    try {
      await resolve(commands, words);
      return "no error";
    } catch (error) {
      assert.instance(error, UnknownCommand);
      const { message, hint } = error as UnknownCommand;
      return hint ? `${message}; ${hint}` : message;
    }
  };
  assert.is(await problem("imags"), `No help topic for 'imags'; did you mean "images"?`);
  assert.is(await problem("images", "pul"), `No help topic for 'pul'; did you mean "pull"?`);
  assert.is(await problem("ps"), `No help topic for 'ps'; did you mean "tasks ps"?`);
  assert.is(await problem("containers", "exec"), `No help topic for 'exec'; did you mean "tasks exec"?`);
  assert.is(
    await problem("checkpoint"),
    "No help topic for 'checkpoint'; say of what: containers checkpoint, tasks checkpoint",
  );
  assert.is(await problem("help", "pull"), `No help topic for 'pull'; did you mean "images pull"?`);
  assert.is(await problem("zzz"), "No help topic for 'zzz'");
  assert.is(await problem("help", "zzz"), "No help topic for 'zzz'");
});

test.run();
