import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { LeaseStore } from "../../src/core/records.ts";
import { openMetadata } from "../../src/metadata/index.ts";
import { type Oracle, startOracle } from "../support/containerd.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

/** Leases are what the real ctr makes cheapest with any label. */
const LEASES: Readonly<Record<string, Record<string, string>>> = {
  a: { foo: "true" },
  b: {},
  c: { foo: "present", "more complex label": "present" },
  d: { bar: "true", "io.containerd.image/x": "1" },
  e: { 'with \\ and "': "present" },
  "f/x": { foo: "omg_asdf.asdf-qwer", "tab.bed": "a\tb é" },
};

const FILTERS = [
  "id",
  "id==a",
  "id!=a",
  "id ~= [a-c]",
  "id~=/^[a-c]$/",
  "id~=|^f/|",
  'id=="f/x"',
  "id==f/x",
  "id~=(?i)^A$",
  "id~=[",
  "labels.foo",
  "labels.foo==true,id",
  "labels.foo==omg_asdf.asdf-qwer",
  "labels.foo!=true",
  "labels.foo~=^$",
  'labels."more complex label"==present',
  'labels."with \\\\ and \\""',
  'labels."io.containerd.image/x"==1',
  'labels.tab.bed=="a\\tb \\u00e9"',
  'labels.tab.bed=="a\\011b \\xc3\\xa9"',
  "labels.tab.bed~=é",
  "nosuch",
  "nosuch==x",
  "nosuch!=x",
  "id==a,labels.nosuch",
  "id=a",
  "id===a",
  "id=",
  "id==",
  "id==,",
  "id==a,",
  "id==a b",
  "id==a ",
  " id==a",
  "id?",
  "==a",
  ".id",
  "labels.",
  "labels..foo",
  "labels.ns/key==value",
  "labels.key==/value",
  "id==/a/",
  "id==|a|",
  "labels.|foo|",
  'id=="a',
  'id=="\\q"',
  'id=="\\x6"',
  'id=="\\777"',
  'id=="\\U00110000"',
  "id=='a'",
  "id==.a",
  "id==a.b.c",
  "id==-a",
  "id~=a{1,2}",
  "id==é",
];

const test = suite<{ dir: TempDir; oracle: Oracle; leases: LeaseStore; close: () => void }>(
  "filters, as the real one",
);

test.before(async (context) => {
  context.dir = tempDir();
  context.oracle = await startOracle(context.dir.path);
  const metadata = openMetadata(context.dir.join("metadata.db"));
  context.leases = metadata.leases("default");
  context.close = () => metadata.close();
  for (const [id, labels] of Object.entries(LEASES)) {
    context.leases.create({ id, labels });
    const words = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
    await context.oracle.ok("leases", "create", "--id", id, ...words);
  }
});

test.after(async ({ dir, oracle, close }) => {
  close();
  await oracle[Symbol.asyncDispose]();
  dir[Symbol.dispose]();
});

for (const filter of FILTERS) {
  test(JSON.stringify(filter), async ({ oracle, leases }) => {
    const { code, stdout, stderr } = await oracle("leases", "list", "-q", filter);
    const theirs = code === 0 ? stdout.split("\n").filter(Boolean) : complaint(stderr);
    assert.equal(listed(leases, filter), theirs);
  });
}

test.run();

/** Its listing of leases says what failed first and the class twice. */
function complaint(stderr: string): string {
  return stderr
    .trim()
    .replace(/^ctr: failed to list leases: /, "")
    .replace(/(: invalid argument)\1$/, "$1");
}

/** Ids, or the error's text. */
function listed(leases: LeaseStore, filter: string): string[] | string {
  try {
    return leases.list([filter]).map(({ id }) => id);
  } catch (error) {
    return (error as Error).message;
  }
}
