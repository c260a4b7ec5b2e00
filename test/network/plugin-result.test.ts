import { test } from "uvu";
import * as assert from "uvu/assert";
import { addressesOf, failureWords, onOneLine, parseResult } from "../../src/network/plugin-result.ts";

test("addresses are those of the container's own interfaces", () => {
  const result = {
    cniVersion: "1.0.0",
    interfaces: [{ name: "br0" }, { name: "net1", sandbox: "/run/netns/x" }],
    ips: [
      { address: "10.0.0.1/8", interface: 0 },
      { address: "10.0.0.2/8", interface: 1 },
      { address: "fd00::2/64" },
    ],
  };
  assert.equal(addressesOf(result, "eth0"), [
    { interface: "net1", address: "10.0.0.2/8" },
    { interface: "eth0", address: "fd00::2/64" },
  ]);
});

test("addresses of results as they were until version 0.2.0", () => {
  const result = { cniVersion: "0.2.0", ip4: { ip: "10.0.0.2/8" }, ip6: { ip: "fd00::2/64" } };
  assert.equal(addressesOf(result, "eth0"), [
    { interface: "eth0", address: "10.0.0.2/8" },
    { interface: "eth0", address: "fd00::2/64" },
  ]);
});

test("a result that does not say its version has the configuration's, and keeps what we do not know", () => {
  const text = '{"dns": {}, "more": {"big": 12345678901234567890}}';
  const result = parseResult(text, "0.4.0", "result");
  assert.is(JSON.stringify(result), '{"dns":{},"more":{"big":12345678901234567890},"cniVersion":"0.4.0"}');
});

test("results that are none are refused", () => {
  const deep = `{"a": ${'{"a": '.repeat(150_000)}1${"}".repeat(150_000)}}`;
  const addresses = [
    "",
    "10.0.0.1",
    "10.0.0.1/33",
    "fd00::1/129",
    "\u001b[31m/8",
    "10.0.0.1/8\n",
    "fe80::1%e/8/",
  ];
  for (const text of [
    ...'{ null [] 1 "x"'.split(" "),
    "",
    deep,
    ...['{"ips": 1}', '{"ips": [1]}', '{"ips": [{}]}', '{"ips": [{"address": 1}]}', '{"ip4": {}}'],
    ...addresses.map((address) => JSON.stringify({ ips: [{ address }] })),
    ...["a b", "a/b", "a:b", "\u001b", "", "sixteen-too-long"].map((name) =>
      JSON.stringify({
        interfaces: [{ name, sandbox: "/x" }],
        ips: [{ address: "10.0.0.1/8", interface: 0 }],
      }),
    ),
  ]) {
    assert.throws(
      () => parseResult(text, "1.0.0", "result"),
      /^result: [^\n]*: invalid argument$/,
      text.slice(0, 100),
    );
  }
});

test("a failure is told in the plugin's words, or else by what it wrote, or how it ended", () => {
  assert.is(
    failureWords('{"code": 7, "msg": "no", "details": "really"}', "noise", "exit status 1"),
    "no; really",
  );
  assert.is(failureWords('{"code": 7}', "noise\n", "exit status 1"), 'exit status 1: "noise"');
  assert.is(failureWords("", "", "exit status 1"), "exit status 1");
  assert.is(onOneLine("a\n\tb\u001b]0;c\u0007\u202ed "), "a b ]0;c d");
});

test.run();
