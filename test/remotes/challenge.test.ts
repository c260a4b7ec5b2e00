import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseChallenges } from "../../src/remotes/challenge.ts";

const cases: [header: string, expected: [scheme: string, parameters: Record<string, string>][]][] = [
  ["", []],
  ["Basic", [["basic", {}]]],
  ['Basic realm="x"', [["basic", { realm: "x" }]]],
  ['BASIC Realm = "x y"', [["basic", { realm: "x y" }]]],
  [
    'Bearer realm="https://a/t",service="s",scope="repository:a:pull,push"',
    [["bearer", { realm: "https://a/t", service: "s", scope: "repository:a:pull,push" }]],
  ],
  ["Bearer realm=https://a/t,service=s", [["bearer", { realm: "https://a/t", service: "s" }]]],
  ['Bearer realm="a\\"b"', [["bearer", { realm: 'a"b' }]]],
  [
    'Basic realm="x", Bearer realm="y"',
    [
      ["basic", { realm: "x" }],
      ["bearer", { realm: "y" }],
    ],
  ],
  [
    'Negotiate, Bearer realm="y"',
    [
      ["negotiate", {}],
      ["bearer", { realm: "y" }],
    ],
  ],
  [
    'Negotiate abc==, Bearer realm="y"',
    [
      ["negotiate", { abc: "=" }],
      ["bearer", { realm: "y" }],
    ],
  ],
  ['Bearer realm="a",realm="b"', [["bearer", { realm: "a" }]]],
  ['realm="lost", Bearer realm="y"', [["bearer", { realm: "y" }]]],
  ['Bearer realm="unended', [["bearer", {}]]],
  [',,,=,"",Bearer , realm="x"', [["bearer", { realm: "x" }]]],
  ['Bearer __proto__="x"', [["bearer", { ["__proto__"]: "x" }]]],
];
for (const [header, expected] of cases) {
  test(`reads ${header}`, () => {
    const read = parseChallenges(header).map(({ scheme, parameters }) => [
      scheme,
      Object.entries(parameters),
    ]);
    assert.equal(
      read,
      expected.map(([scheme, parameters]) => [scheme, Object.entries(parameters)]),
    );
  });
}

test("no header keeps it busy", () => {
  for (const piece of ['a="', "a,", "=", '\\"', "Bearer a=b ", " ", "\u0000"]) {
    assert.ok(parseChallenges(piece.repeat(200_000)).length <= 16 * 1024);
  }
});

test.run();
