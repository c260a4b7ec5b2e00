import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { CtrError } from "../../../src/core/errors.ts";
import { openStoredCredentials } from "../../../src/remotes/credentials/stored-credentials.ts";
import type { Credentials } from "../../../src/remotes/options.ts";
import { tempDir } from "../../support/temp.ts";

const auth = (username: string, secret: string) => ({
  auth: Buffer.from(`${username}:${secret}`).toString("base64"),
});
const user = (username: string, secret = "pass"): Credentials => ({ username, secret });

interface Case {
  name: string;
  /** By path below the home directory. */
  files: Record<string, unknown>;
  environment?: (home: string) => Record<string, string>;
  /** `HOST/REPOSITORY`. */
  asked: string;
  found: Credentials | undefined;
}

const DOCKER = ".docker/config.json";
const PODMAN = ".config/containers/auth.json";
const cases: Case[] = [
  { name: "nobody has logged in", files: {}, asked: "quay.io/a", found: undefined },
  { name: "an empty file", files: { [DOCKER]: "" }, asked: "quay.io/a", found: undefined },
  {
    name: "Docker's login",
    files: { [DOCKER]: { auths: { "quay.io": auth("u", "pass") } } },
    asked: "quay.io/a",
    found: user("u"),
  },
  {
    name: "another host's",
    files: { [DOCKER]: { auths: { "quay.io": auth("u", "pass") } } },
    asked: "evil-quay.io/a",
    found: undefined,
  },
  {
    name: "another port's",
    files: { [DOCKER]: { auths: { "localhost:5000": auth("u", "pass") } } },
    asked: "localhost:5001/a",
    found: undefined,
  },
  {
    name: "a secret with colons",
    files: { [DOCKER]: { auths: { "quay.io": auth("u", "a:b:c") } } },
    asked: "quay.io/a",
    found: user("u", "a:b:c"),
  },
  {
    name: "Docker Hub by its address",
    files: { [DOCKER]: { auths: { "https://index.docker.io/v1/": auth("u", "pass") } } },
    asked: "docker.io/library/busybox",
    found: user("u"),
  },
  {
    name: "Docker Hub by its name",
    files: { [PODMAN]: { auths: { "docker.io": auth("u", "pass") } } },
    asked: "docker.io/library/busybox",
    found: user("u"),
  },
  {
    name: "an address with a scheme and a version",
    files: { [DOCKER]: { auths: { "https://quay.io/v2/": auth("u", "pass") } } },
    asked: "quay.io/a",
    found: user("u"),
  },
  {
    name: "name and password in the clear",
    files: { [DOCKER]: { auths: { "quay.io": { username: "u", password: "pass" } } } },
    asked: "quay.io/a",
    found: user("u"),
  },
  {
    name: "an identity token, with NULs behind it",
    files: { [DOCKER]: { auths: { "quay.io": { ...auth("u", "x"), identitytoken: "token\0\0" } } } },
    asked: "quay.io/a",
    found: user("", "token"),
  },
  {
    name: "a registry token",
    files: { [DOCKER]: { auths: { "quay.io": { registrytoken: "token" } } } },
    asked: "quay.io/a",
    found: { username: "", secret: "", registryToken: "token" },
  },
  {
    name: "a file that ends in NULs",
    files: { [DOCKER]: `${JSON.stringify({ auths: { "quay.io": auth("u", "pass") } })}\0\0\n` },
    asked: "quay.io/a",
    found: user("u"),
  },
  {
    name: "the longest prefix of the repository",
    files: {
      [PODMAN]: {
        auths: {
          "quay.io": auth("host", "pass"),
          "quay.io/team/app": auth("app", "pass"),
          "quay.io/team": auth("team", "pass"),
        },
      },
    },
    asked: "quay.io/team/app/part",
    found: user("app"),
  },
  {
    name: "no prefix in the middle of a name",
    files: { [PODMAN]: { auths: { "quay.io/team": auth("team", "pass") } } },
    asked: "quay.io/teammate/app",
    found: undefined,
  },
  {
    name: "the longest prefix of all files",
    files: {
      [PODMAN]: { auths: { "quay.io": auth("podman", "pass") } },
      [DOCKER]: { auths: { "quay.io/team": auth("docker", "pass") } },
    },
    asked: "quay.io/team/app",
    found: user("docker"),
  },
  {
    name: "Podman's before Docker's",
    files: {
      [DOCKER]: { auths: { "quay.io": auth("docker", "pass") } },
      [PODMAN]: { auths: { "quay.io": auth("podman", "pass") } },
    },
    asked: "quay.io/app",
    found: user("podman"),
  },
  {
    name: "XDG_RUNTIME_DIR before all",
    files: {
      "run/containers/auth.json": { auths: { "quay.io": auth("runtime", "pass") } },
      [PODMAN]: { auths: { "quay.io": auth("podman", "pass") } },
    },
    asked: "quay.io/app",
    found: user("runtime"),
  },
  {
    name: "XDG_CONFIG_HOME and DOCKER_CONFIG",
    files: {
      "c/containers/auth.json": { auths: { "a.io": auth("a", "pass") } },
      "d/config.json": { auths: { "b.io": auth("b", "pass") } },
      [DOCKER]: { auths: { "b.io": auth("not this", "pass") } },
    },
    environment: (home) => ({ XDG_CONFIG_HOME: join(home, "c"), DOCKER_CONFIG: join(home, "d") }),
    asked: "b.io/app",
    found: user("b"),
  },
  {
    name: "REGISTRY_AUTH_FILE alone",
    files: {
      "mine.json": { auths: { "a.io": auth("mine", "pass") } },
      [DOCKER]: { auths: { "quay.io": auth("docker", "pass") } },
    },
    environment: (home) => ({ REGISTRY_AUTH_FILE: join(home, "mine.json") }),
    asked: "quay.io/app",
    found: undefined,
  },
  {
    name: "DOCKER_AUTH_CONFIG first",
    files: { [DOCKER]: { auths: { "quay.io": auth("file", "pass"), "a.io": auth("a", "pass") } } },
    environment: () => ({
      DOCKER_AUTH_CONFIG: JSON.stringify({ auths: { "quay.io": auth("env", "pass") } }),
    }),
    asked: "quay.io/app",
    found: user("env"),
  },
  {
    name: "the file where DOCKER_AUTH_CONFIG has nothing",
    files: { [DOCKER]: { auths: { "quay.io": auth("file", "pass"), "a.io": auth("a", "pass") } } },
    environment: () => ({
      DOCKER_AUTH_CONFIG: JSON.stringify({ auths: { "quay.io": auth("env", "pass") } }),
    }),
    asked: "a.io/app",
    found: user("a"),
  },
  {
    name: "the file of Docker's first years",
    files: { ".dockercfg": { "quay.io": auth("old", "pass") } },
    asked: "quay.io/app",
    found: user("old"),
  },
  {
    name: "a helper for the host, before the store and the file",
    files: {
      [DOCKER]: {
        auths: { "quay.io": auth("file", "pass") },
        credHelpers: { "quay.io": "test" },
        credsStore: "silent",
      },
    },
    asked: "quay.io/app",
    found: user("helped", "for quay.io"),
  },
  {
    name: "the store, where the file has only a mark",
    files: { [DOCKER]: { auths: { "https://index.docker.io/v1/": {} }, credsStore: "test" } },
    asked: "docker.io/library/busybox",
    found: user("helped", "for https://index.docker.io/v1/"),
  },
  {
    name: "an identity token from a helper",
    files: { [DOCKER]: { credsStore: "token" } },
    asked: "quay.io/app",
    found: user("", "identity"),
  },
  {
    name: "a helper that has none",
    files: { [DOCKER]: { credsStore: "silent" } },
    asked: "quay.io/app",
    found: undefined,
  },
  {
    name: "a store that is not installed",
    files: { [DOCKER]: { credsStore: "absent" } },
    asked: "quay.io/app",
    found: undefined,
  },
  {
    name: "a prefix of the repository, before a helper for the host",
    files: {
      [PODMAN]: { auths: { "quay.io/app": auth("app", "pass") }, credHelpers: { "quay.io": "test" } },
    },
    asked: "quay.io/app",
    found: user("app"),
  },
];

for (const { name, files, environment, asked, found } of cases) {
  test(`credentials found: ${name}`, () =>
    inHome(async (home, base) => {
      writeFiles(home, files);
      const find = openStoredCredentials({ ...base, ...environment?.(home) });
      const slash = asked.indexOf("/");
      assert.equal(await find(asked.slice(0, slash), asked.slice(slash + 1)), found);
    }));
}

const failures: [name: string, file: unknown, code: string, words: RegExp][] = [
  ["no JSON", "{", "InvalidArgument", /config\.json: document is not JSON/],
  ["no object", { auths: [] }, "InvalidArgument", /config\.json: auths is not an object/],
  [
    "no base64",
    { auths: { "quay.io": { auth: "!hunter22" } } },
    "InvalidArgument",
    /auths "quay.io": auth is not/,
  ],
  [
    "a helper that is not installed",
    { credHelpers: { "quay.io": "absent" } },
    "NotFound",
    /docker-credential-absent/,
  ],
  ["a helper with a path", { credsStore: "../../bin/sh" }, "InvalidArgument", /no name of a program/],
  [
    "a helper that fails",
    { credsStore: "broken" },
    "FailedPrecondition",
    /docker-credential-broken for quay.io: exit 3/,
  ],
  ["a helper that says nothing of use", { credsStore: "garbage" }, "InvalidArgument", /is not JSON/],
];
for (const [name, file, code, words] of failures) {
  test(`one line for ${name}`, () =>
    inHome(async (home, base) => {
      writeFiles(home, { [DOCKER]: file });
      const error: CtrError = await Promise.resolve(openStoredCredentials(base)("quay.io", "app")).then(
        () => assert.unreachable(),
        (failure) => failure,
      );
      assert.is(error.code, code, error.message);
      assert.match(error.message, words);
      assert.not.match(`${error.message}${error.hint}`, /hunter22|\n/);
    }));
}

test("a helper is told the address on its standard input, and asked for `get`", () =>
  inHome(async (home, base) => {
    writeFiles(home, { [DOCKER]: { credsStore: "test" } });
    await openStoredCredentials(base)("localhost:5000", "app");
    assert.is(readFileSync(join(home, "asked"), "utf8"), "get localhost:5000");
  }));

/** Helpers as they are found on PATH: real programs, each with one way to answer. */
const HELPERS: Record<string, string> = {
  test: 'read -r url; printf "%s %s" "$1" "$url" >"$HOME/asked"; echo "{\\"ServerURL\\":\\"$url\\",\\"Username\\":\\"helped\\",\\"Secret\\":\\"for $url\\"}"',
  token: 'echo "{\\"Username\\":\\"<token>\\",\\"Secret\\":\\"identity\\"}"',
  silent: 'echo "credentials not found in native keychain"; exit 1',
  broken: "echo hunter22; exit 3",
  garbage: "echo hunter22",
};

async function inHome(
  work: (home: string, environment: Record<string, string>) => Promise<void>,
): Promise<void> {
  using dir = tempDir();
  const bin = join(dir.path, "bin");
  mkdirSync(bin);
  for (const [name, script] of Object.entries(HELPERS)) {
    const path = join(bin, `docker-credential-${name}`);
    writeFileSync(path, `#!/bin/sh\n${script}\n`);
    chmodSync(path, 0o755);
  }
  const before = { PATH: process.env.PATH, HOME: process.env.HOME };
  Object.assign(process.env, { PATH: `${bin}:${before.PATH}`, HOME: dir.path });
  try {
    await work(dir.path, { HOME: dir.path, XDG_RUNTIME_DIR: join(dir.path, "run") });
  } finally {
    Object.assign(process.env, before);
  }
}

function writeFiles(home: string, files: Record<string, unknown>): void {
  for (const [name, content] of Object.entries(files)) {
    const path = join(home, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  }
}

test.run();
