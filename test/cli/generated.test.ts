import { test } from "uvu";
import * as assert from "uvu/assert";
import { generatedFiles, staleFiles } from "../../scripts/generate.ts";

test("completions and man pages are what the command definitions make of them", async () => {
  assert.equal(staleFiles(await generatedFiles()), [], "run npm run generate");
});

test("a page that is missing or different, and one without a command, is stale", async () => {
  const files = await generatedFiles();
  files.set("man/ctr.1", "different");
  files.set("man/ctr-new.1", "missing");
  files.delete("man/ctr-oci.1");
  assert.equal(staleFiles(files), ["man/ctr.1", "man/ctr-new.1", "man/ctr-oci.1"]);
});

test.run();
