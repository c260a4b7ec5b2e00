import { test } from "uvu";
import * as assert from "uvu/assert";
import { findHosts } from "../../src/remotes/hosts.ts";
import type { RemoteOptions } from "../../src/remotes/options.ts";
import { exemptLoopbackFromProxy } from "../../src/remotes/proxy.ts";

const cases: [host: string, options: RemoteOptions, bases: (string | undefined)[]][] = [
  ["docker.io", {}, ["https://registry-1.docker.io/v2", undefined]],
  ["quay.io", {}, ["https://quay.io/v2", undefined]],
  ["quay.io", { plainHttp: true }, ["http://quay.io/v2", undefined]],
  ["example.com:80", {}, ["https://example.com:80/v2", undefined]],
  ["localhost", {}, ["https://localhost/v2", undefined]],
  ["localhost:443", {}, ["https://localhost:443/v2", undefined]],
  ["localhost:80", {}, ["http://localhost:80/v2", undefined]],
  ["localhost:5000", {}, ["http://localhost:5000/v2", "https://localhost:5000/v2"]],
  ["127.3.2.1:5000", {}, ["http://127.3.2.1:5000/v2", "https://127.3.2.1:5000/v2"]],
  ["[::1]:5000", {}, ["http://[::1]:5000/v2", "https://[::1]:5000/v2"]],
  ["localhost:5000", { skipVerify: true }, ["https://localhost:5000/v2", "http://localhost:5000/v2"]],
  ["localhost:5000", { tls: { caFile: "x" } }, ["https://localhost:5000/v2", "http://localhost:5000/v2"]],
  ["localhost:5000", { plainHttp: true }, ["http://localhost:5000/v2", undefined]],
  ["localhost.example:5000", {}, ["https://localhost.example:5000/v2", undefined]],
];
for (const [host, options, bases] of cases) {
  test(`${host} with ${JSON.stringify(options)} is asked at ${bases[0]}`, async () => {
    const hosts = await findHosts(host, options);
    assert.is(hosts.length, 1);
    assert.equal([hosts[0]?.base, hosts[0]?.otherBase], bases);
    assert.is(hosts[0]?.credentialHost, host);
  });
}

const LOOPBACK = "localhost,127.0.0.0/8,::1";
const environments: [before: Record<string, string>, after: Record<string, string>][] = [
  [{}, {}],
  [{ NO_PROXY: "a" }, { NO_PROXY: "a" }],
  [{ HTTP_PROXY: "p" }, { HTTP_PROXY: "p", NO_PROXY: LOOPBACK }],
  [
    { https_proxy: "p", no_proxy: "a" },
    { https_proxy: "p", no_proxy: `a,${LOOPBACK}` },
  ],
  [
    { ALL_PROXY: "p", NO_PROXY: "*" },
    { ALL_PROXY: "p", NO_PROXY: "*" },
  ],
  [
    { HTTP_PROXY: "p", NO_PROXY: `a,${LOOPBACK}` },
    { HTTP_PROXY: "p", NO_PROXY: `a,${LOOPBACK}` },
  ],
];
for (const [before, after] of environments) {
  test(`loopback needs no proxy in ${JSON.stringify(before)}`, () => {
    const environment = { ...before };
    exemptLoopbackFromProxy(environment);
    assert.equal(environment, after);
  });
}

test.run();
