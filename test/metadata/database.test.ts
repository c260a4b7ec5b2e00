import { Database } from "bun:sqlite";
import { readdirSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Digest } from "../../src/core/digest.ts";
import { openMetadata } from "../../src/metadata/index.ts";
import { fails } from "../suites/record-store.ts";
import { run } from "../support/run-program.ts";
import { tempDir } from "../support/temp.ts";

const fixture = (name: string) => join(import.meta.dirname, "../fixtures/metadata", name);
const TARGET = { mediaType: "t", digest: `sha256:${"a".repeat(64)}` as Digest, size: 1 };

test("listings of a machine that has nothing leave it so", () => {
  using dir = tempDir();
  const metadata = openMetadata(dir.join("root", "metadata.db"));
  assert.equal(metadata.images("default").list(), []);
  assert.equal(metadata.namespaces().list(), []);
  assert.throws(() => metadata.containers("default").get("x"), fails("NotFound"));
  metadata.close();
  assert.equal(readdirSync(dir.join("root", "x", "..")), []);
});

test("the files are the owner's alone, whatever the umask", () => {
  using dir = tempDir();
  const umask = process.umask(0);
  try {
    const metadata = openMetadata(join(dir.path, "root", "metadata.db"));
    metadata.leases("default").create({});
    const mode = (name: string) => statSync(join(dir.path, name)).mode & 0o777;
    assert.is(mode("root"), 0o700);
    for (const name of readdirSync(join(dir.path, "root"))) assert.is(mode(`root/${name}`), 0o600, name);
    metadata.close();
  } finally {
    process.umask(umask);
  }
});

test("30 processes make the database at once, and nothing is lost", async () => {
  using dir = tempDir();
  const path = dir.join("metadata.db");
  const names = Array.from({ length: 30 }, (_, index) => `image-${String(index).padStart(2, "0")}`);
  const results = await Promise.all(
    names.map((name) => run([process.execPath, fixture("create-many.ts"), path, name])),
  );
  assert.equal(
    results.filter(({ code }) => code !== 0).map(({ stderr }) => stderr),
    [],
  );
  const metadata = openMetadata(path);
  assert.equal(
    metadata
      .images("default")
      .list()
      .map(({ name }) => name),
    names,
  );
  metadata.close();
});

test("20 processes read, change and write the same record without losing an update", async () => {
  using dir = tempDir();
  const path = dir.join("metadata.db");
  const metadata = openMetadata(path);
  metadata.images("default").create({ name: "counter", target: TARGET, labels: { count: "0" } });
  const runs = Array.from({ length: 20 }, () => run([process.execPath, fixture("count-up.ts"), path, "10"]));
  assert.equal(
    (await Promise.all(runs)).filter(({ code }) => code !== 0).map(({ stderr }) => stderr),
    [],
  );
  assert.equal(metadata.images("default").get("counter").labels, { count: "200" });
  metadata.close();
});

test("after kill -9 every answered change is there, and each is whole", async () => {
  for (const changes of [1, 7, 20]) {
    using dir = tempDir();
    const path = dir.join("metadata.db");
    const child = Bun.spawn([process.execPath, fixture("write-until-killed.ts"), path], {
      stdout: "pipe",
    });
    let printed = "";
    for await (const chunk of child.stdout) {
      printed += Buffer.from(chunk).toString();
      if (printed.split("\n").length > changes) break;
    }
    child.kill("SIGKILL");
    await child.exited;
    const metadata = openMetadata(path);
    const leases = metadata.leases("default");
    const ids = leases.list().map(({ id }) => id);
    for (const id of printed.split("\n").filter((line) => line.length === 6)) assert.ok(ids.includes(id), id);
    for (const id of ids) assert.equal(leases.resources(id), [{ type: "ingests", id }]);
    metadata.close();
  }
});

test("a transaction cannot be asynchronous", () => {
  using dir = tempDir();
  const metadata = openMetadata(dir.join("metadata.db"));
  assert.throws(
    () => metadata.transaction(async () => metadata.leases("default").create({ id: "a" })),
    /cannot wait/,
  );
  assert.equal(metadata.leases("default").list(), []);
  metadata.close();
});

test("a file that is no database, or a damaged one, is one clear error", () => {
  using dir = tempDir();
  const path = dir.join("metadata.db");
  writeFileSync(path, "this is not a database, but long enough to be looked at as one".repeat(100));
  assert.throws(
    () => openMetadata(path).images("default").list(),
    fails("DataLoss", `metadata database ${path} is not a database: data loss`),
  );

  const cut = dir.join("cut.db");
  const metadata = openMetadata(cut);
  for (let index = 0; index < 200; index++) {
    metadata.images("default").create({ name: `${index}`, target: TARGET, labels: { k: "v".repeat(500) } });
  }
  metadata.close();
  truncateSync(cut, statSync(cut).size / 2);
  assert.throws(
    () => openMetadata(cut).images("default").list(),
    fails("DataLoss", `metadata database ${cut} is damaged: data loss`),
  );
});

test("the database of a newer ctr, or of another program, is refused and left alone", () => {
  using dir = tempDir();
  const path = dir.join("metadata.db");
  const metadata = openMetadata(path);
  metadata.leases("default").create({});
  metadata.close();
  const raw = new Database(path);
  raw.run("PRAGMA user_version = 99");
  raw.close();
  assert.throws(() => openMetadata(path).leases("default").list(), fails("FailedPrecondition"));

  const foreign = dir.join("foreign.db");
  const other = new Database(foreign);
  other.run("CREATE TABLE theirs (x)");
  other.close();
  assert.throws(
    () => openMetadata(foreign).leases("default").create({}),
    fails(
      "FailedPrecondition",
      `metadata database ${foreign} belongs to another program: failed precondition`,
    ),
  );
});

test("a full disk is one clear error, and what was answered before stays", async () => {
  using dir = tempDir();
  const mounted = await run(["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", dir.path]);
  assert.is(mounted.code, 0, mounted.stderr);
  const path = dir.join("metadata.db");
  const metadata = openMetadata(path);
  const leases = metadata.leases("default");
  let made = 0;
  assert.throws(
    () => {
      for (;;) {
        leases.create({ id: `${made}`, labels: { k: "v".repeat(3000) } });
        made += 1;
      }
    },
    fails("ResourceExhausted", `metadata database ${path} cannot grow: the disk is full: resource exhausted`),
  );
  assert.is(leases.list().length, made);
  metadata.close();
  const again = openMetadata(path);
  assert.is(again.leases("default").list().length, made);
  again.close();
});

test("two handles in one process see each other's changes at once", () => {
  using dir = tempDir();
  const path = dir.join("metadata.db");
  const [one, two] = [openMetadata(path), openMetadata(path)];
  assert.equal(two.leases("default").list(), []);
  one.leases("default").create({ id: "a" });
  assert.equal(
    two
      .leases("default")
      .list()
      .map(({ id }) => id),
    ["a"],
  );
  one.close();
  two.close();
});

test.run();
