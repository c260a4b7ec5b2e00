import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseMount } from "../../src/oci/mounts.ts";

const sourceOf = (text: string) => parseMount(text).source;

test("the source of a bind may be relative to where the caller stands", () => {
  const here = process.cwd();
  assert.is(sourceOf("type=bind,src=data,dst=/x,options=rbind:ro"), `${here}/data`);
  assert.is(sourceOf("type=bind,src=.,dst=/x"), `${here}/.`);
  assert.is(sourceOf("type=none,options=rbind,src=../a,dst=/x"), `${here}/../a`);
});

test("any other source stays as it is", () => {
  assert.is(sourceOf("type=bind,src=/a/../b,dst=/x"), "/a/../b");
  assert.is(sourceOf("type=tmpfs,src=tmpfs,dst=/x"), "tmpfs");
  assert.is(sourceOf("type=bind,dst=/x"), undefined);
});

test.run();
