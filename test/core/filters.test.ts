import { test } from "uvu";
import * as assert from "uvu/assert";
import { hasCode } from "../../src/core/errors.ts";
import { compileFilters, mapField } from "../../src/core/filters.ts";

interface Thing {
  name: string;
  other?: string;
  labels?: Record<string, string>;
}

const THINGS: Record<string, Thing> = {
  a: { name: "foo", labels: { foo: "true" } },
  b: { name: "bar" },
  c: { name: "foo", labels: { foo: "present", "more complex label": "present" } },
  d: { name: "bar", labels: { bar: "true", "io.containerd.image/x": "1" } },
  e: { name: "fooer", labels: { 'with \\ and "': "present" } },
  f: { name: "fooer", labels: { 'with \\ and ".post': "present" } },
  g: { name: "baz", other: "too complex, yo" },
  h: { name: "compound", labels: { foo: "omg_asdf.asdf-qwer" } },
  i: { name: "/leading", other: "tab\there é" },
};

function matching(...filters: string[]): string {
  const matches = compileFilters<Thing>(filters, ({ name, other, labels = {} }, [field, ...rest]) => {
    if (field === "name") return name;
    if (field === "other") return other;
    return field === "labels" ? mapField(labels, rest) : undefined;
  });
  return Object.keys(THINGS)
    .filter((key) => matches(THINGS[key]!))
    .join("");
}

const MATCHES: readonly (readonly [filters: string[], expected: string])[] = [
  [[], "abcdefghi"],
  [[""], "abcdefghi"],
  [["name"], "abcdefghi"],
  [["labels.foo"], "ach"],
  [["labels.foo,name"], "ach"],
  [["labels.foo==true"], "a"],
  [["labels.foo==omg_asdf.asdf-qwer"], "h"],
  [["name==bar"], "bd"],
  [["name!=bar"], "acefghi"],
  [["name==bar,labels.bar"], "d"],
  [["name==bar,labels.bar==wrong"], ""],
  [["name==baz", "labels.bar"], "dg"],
  [['other=="too complex, yo"'], "g"],
  [["other~=[a-d]+"], "gi"],
  [["other~=/^too c.{1,3}plex/,name!=foo"], "g"],
  [["name~=|^ba[rz]$|"], "bdg"],
  [["name~=(?i)^FOO$"], "ac"],
  [["name~=["], ""],
  [['labels."more complex label"'], "c"],
  [['labels."with \\\\ and \\""==present'], "e"],
  [['labels."with \\\\ and \\"".post==present'], "f"],
  [['labels."io.containerd.image/x"==1'], "d"],
  [['name=="/leading"'], "i"],
  [['other=="tab\\there \\u00e9"'], "i"],
  [['other=="tab\\011here \\xc3\\xa9"'], "i"],
  [["name == bar"], "bd"],
  // A field that is not there is no error; it differs from every value, and is empty to a pattern.
  [["nosuch"], ""],
  [["nosuch==x"], ""],
  [["nosuch!=x,name==baz"], "g"],
  [["nosuch~=^$,name==baz"], "g"],
];

for (const [filters, expected] of MATCHES) {
  test(`${JSON.stringify(filters)} matches ${expected || "nothing"}`, () => {
    assert.is(matching(...filters), expected);
  });
}

const ERRORS: readonly (readonly [filter: string, complaint: string])[] = [
  ["labels.|foo|==x", "[labels. >|||< foo|==x]: invalid quote encountered"],
  ["name==/x/", "[name== >|/|< x/]: invalid quote encountered"],
  ['labels.?"more"==x', '[labels. >|?|< "more"==x]: expected field or quoted'],
  ["name==foo,", "[name==foo,]: expected field or quoted"],
  ["labels.", "[labels.]: expected field or quoted"],
  ["image~=,id?=?fbaq", "[image~= >|,|< id?=?fbaq]: expected value or quoted"],
  ["labels.ns/key==value", "[labels.ns >|/|< key==value]: quoted literal not terminated"],
  ["labels.key==/value", "[labels.key== >|/|< value]: quoted literal not terminated"],
  ["name=foo", '[name >|=|< foo]: unsupported operator "="'],
  ["name?foo", '[name >|?|< foo]: expected an operator ("=="|"!="|"~=")'],
  ["name==foo bar", "[name==foo >| |< bar]: unexpected input:  "],
  ['name=="\\q"', '[name== >|"|< \\q"]: illegal escape sequence'],
  ['name=="\\777"', '[name== >|"|< \\777"]: unquoting failed: quote syntax error'],
];

for (const [filter, complaint] of ERRORS) {
  test(`${JSON.stringify(filter)} is refused`, () => {
    assert.throws(
      () => matching(filter),
      (error: unknown) => {
        assert.ok(hasCode(error, "InvalidArgument"));
        assert.is((error as Error).message, `filters: parse error: ${complaint}: invalid argument`);
        return true;
      },
    );
  });
}

test("who writes a slash without quotes is told of them", () => {
  for (const filter of ["name==/x/", "name==/leading", "labels.ns/key==value"]) {
    assert.throws(
      () => matching(filter),
      (error: { hint?: string }) =>
        error.hint === `what has / or | in it needs quotes, as in 'labels."a/b"=="/c"'`,
    );
  }
  assert.is(matching('labels."io.containerd.image/x"=="1"'), "d");
});

test.run();
