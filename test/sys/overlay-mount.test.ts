import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { hasCode } from "../../src/core/errors.ts";
import type { Mount } from "../../src/core/mount.ts";
import { mountAt, unmountAll } from "../../src/sys/mount.ts";
import { memoryDir } from "../support/memory-dir.ts";
import type { TempDir } from "../support/temp.ts";

/** Layers in which each holds one file of its own, and all hold `who`. */
function makeLayers(dir: TempDir, parent: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => {
    const layer = dir.join(parent, String(index + 1), "fs");
    mkdirSync(layer, { recursive: true });
    writeFileSync(`${layer}/file-${index + 1}`, "");
    writeFileSync(`${layer}/who`, String(index + 1));
    return layer;
  });
}

function overlay(dir: TempDir, layers: string[], ...more: string[]): Mount {
  for (const name of ["up", "work", "m"]) mkdirSync(dir.join("snapshots", name), { recursive: true });
  const directories = [`upperdir=${dir.join("snapshots/up")}`, `workdir=${dir.join("snapshots/work")}`];
  return {
    type: "overlay",
    source: "overlay",
    options: [...directories, ...more, `lowerdir=${layers.join(":")}`],
  };
}

/** All layers are there and in order, and what is written lands in the upper one. */
function requireWhole(dir: TempDir, count: number): void {
  const place = dir.join("snapshots/m");
  assert.is(readdirSync(place).filter((name) => name.startsWith("file-")).length, count);
  assert.is(readFileSync(`${place}/who`, "utf8"), "1");
  writeFileSync(`${place}/new`, "");
  assert.equal(readdirSync(dir.join("snapshots/up")), ["new"]);
}

test("more layers than a page of paths holds: relative to the directory above them", () => {
  using dir = memoryDir();
  const before = process.cwd();
  const layers = makeLayers(dir, "snapshots/overlayfs-with-a-long-name-of-its-own", 200);
  assert.ok(layers.join(":").length > 4096);
  mountAt(overlay(dir, layers, "index=off"), dir.join("snapshots/m"));
  requireWhole(dir, 200);
  assert.is(process.cwd(), before);
  assert.is(
    readFileSync("/proc/self/cwd/package.json", "utf8"),
    readFileSync(`${before}/package.json`, "utf8"),
  );
});

test("more layers than even relative paths can name: one by one", () => {
  using dir = memoryDir();
  const layers = makeLayers(dir, `snapshots/${"n".repeat(100)}`, 1).concat(
    makeLayers(dir, "snapshots/z", 400),
  );
  for (let index = 0; index < 60; index++) {
    const layer = dir.join("snapshots", "long".repeat(25) + index);
    mkdirSync(layer);
    layers.push(layer);
  }
  mountAt(overlay(dir, layers), dir.join("snapshots/m"));
  assert.is(readFileSync(dir.join("snapshots/m/who"), "utf8"), "1");
  assert.is(readdirSync(dir.join("snapshots/m")).filter((name) => name.startsWith("file-")).length, 400);
});

test("colons and backslashes in the path, escaped as overlayfs wants them", () => {
  using dir = memoryDir();
  const layers = makeLayers(dir, "snapshots/odd:name\\here/overlayfs-with-a-long-name", 150);
  const escaped = layers.map((layer) => layer.replace(/[\\:]/g, "\\$&"));
  mountAt(overlay(dir, escaped), dir.join("snapshots/m"));
  requireWhole(dir, 150);
});

test("read-only without an upper directory", () => {
  using dir = memoryDir();
  const layers = makeLayers(dir, "snapshots/overlayfs-with-a-long-name-of-its-own", 150);
  mkdirSync(dir.join("m"));
  mountAt({ type: "overlay", source: "overlay", options: [`lowerdir=${layers.join(":")}`] }, dir.join("m"));
  assert.throws(() => writeFileSync(dir.join("m/x"), ""), /EROFS/);
  unmountAll(dir.join("m"));
});

test("a missing layer is told, and the working directory is back", () => {
  using dir = memoryDir();
  const before = process.cwd();
  const layers = makeLayers(dir, "snapshots/overlayfs-with-a-long-name-of-its-own", 150);
  layers.splice(70, 0, `${dir.path}/snapshots/none`);
  assert.throws(
    () => mountAt(overlay(dir, layers), dir.join("snapshots/m")),
    (error: unknown) => hasCode(error, "NotFound"),
  );
  assert.is(process.cwd(), before);
});

test("more layers than the kernel stacks are refused", () => {
  using dir = memoryDir();
  const layers = makeLayers(dir, "snapshots/o", 501);
  assert.throws(
    () => mountAt(overlay(dir, layers), dir.join("snapshots/m")),
    (error: unknown) => hasCode(error, "InvalidArgument", "FailedPrecondition"),
  );
});

test.run();
