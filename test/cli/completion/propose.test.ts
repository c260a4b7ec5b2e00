import { test } from "uvu";
import * as assert from "uvu/assert";
import { commandNames } from "../../../src/cli/completion/command-names.ts";
import { propose } from "../../../src/cli/completion/complete.ts";

/** The last word is the one to complete: `images ` asks for a word after `images`. */
async function proposed(line: string): Promise<string> {
  const proposal = await propose(line.split(" "));
  if (proposal.kind === "words") return proposal.candidates.map(({ text }) => text).join(" ");
  if (proposal.kind === "nothing") return "nothing";
  const globals = proposal.globals.map(({ key, text }) => `${key}=${text}`);
  return [`<${proposal.of}>`, proposal.before, proposal.prefix, ...globals].filter(Boolean).join(" ");
}

function proposes(line: string, expected: string): void {
  test(`ctr ${line}_`, async () => assert.is(await proposed(line), expected));
}

proposes("im", "images");
proposes("i l", "list label");
proposes("images r", "referrers remove");
proposes("images rm", "rm");
proposes("images pull --tls", "--tlscacert --tlscert --tlskey");
proposes("images pull --tlskey ", "<files>");
proposes("images pull --tlskey=/etc/k", "<files> --tlskey= /etc/k");
proposes("images pull --platform linux/", "<platforms> linux/");
proposes("images rm docker.io/lib", "<images> docker.io/lib");
proposes("images rm one ", "<images>");
proposes("-n prod images rm ", "<images> namespace=prod");
proposes("--root=/r -n prod c info ", "<containers> root=/r namespace=prod");
proposes("c info -n prod ", "<containers> namespace=prod");
proposes("-n ", "<namespaces>");
proposes("run --rm ", "<images>");
proposes("run img ", "nothing");
proposes("run img id --r", "nothing");
proposes("tasks exec -t ", "<tasks>");
proposes("tasks exec web ls --", "nothing");
proposes("tasks kill -s SIGK", "<signals> SIGK");
proposes("version -o ", "<table,json>");
proposes("snapshots --snap", "--snapshotter");
proposes("content get sha256:", "<digests> sha256:");
proposes("nosuch ", "nothing");
proposes("_", "");

test("Go's flag for it lists names and aliases one level down, and nothing below a command", async () => {
  assert.equal(await commandNames(["namespaces"]), [
    "create",
    "c",
    "list",
    "ls",
    "remove",
    "rm",
    "label",
    "help",
    "h",
  ]);
  assert.equal(await commandNames(["images", "ls"]), []);
  assert.ok((await commandNames([])).includes("images"));
  assert.ok(!(await commandNames([])).some((name) => name.startsWith("_")));
});

test.run();
