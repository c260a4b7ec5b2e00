import { test } from "uvu";
import * as assert from "uvu/assert";
import { containerLabels } from "../../src/oci/container-labels.ts";

const STOP_SIGNAL = "io.containerd.image.config.stop-signal";

test("config, then image record, then the given ones; the last wins", () => {
  const labels = containerLabels({
    config: { Labels: { a: "config", b: "config", c: "config" } },
    image: { b: "image", c: "image" },
    given: { c: "given" },
  });
  assert.equal(labels, { a: "config", b: "image", c: "given", [STOP_SIGNAL]: "SIGTERM" });
});

test("the stop signal is the config's, even against a given label", () => {
  const given = { [STOP_SIGNAL]: "SIGINT" };
  assert.is(containerLabels({ config: { StopSignal: "SIGKILL" }, image: {}, given })[STOP_SIGNAL], "SIGKILL");
  assert.is(containerLabels({ config: {}, image: {}, given })[STOP_SIGNAL], "SIGTERM");
});

test("labels that containerd obeys are not taken from an image's config (CVE-2026-53488)", () => {
  const hostile = {
    "containerd.io/restart.status": "running",
    "containerd.io/restart.loguri": "binary:///bin/sh?-c=id",
    "containerd.io/gc.root": "x",
    "io.cri-containerd.kind": "sandbox",
  };
  const labels = containerLabels({
    config: { Labels: { ...hostile, "io.containerd.fine": "1" } },
    image: {},
    given: {},
  });
  assert.equal(labels, { "io.containerd.fine": "1", [STOP_SIGNAL]: "SIGTERM" });
  const given = { "containerd.io/restart.status": "running" };
  assert.is(containerLabels({ config: {}, image: {}, given })["containerd.io/restart.status"], "running");
});

test("labels of an image's config that no record holds do not keep it from running; given ones are refused", () => {
  const Labels = {
    readme: "x".repeat(5000),
    "": "nameless",
    ["k".repeat(4090)]: "v",
    whole: "v".repeat(4000),
  };
  const kept = Object.keys(containerLabels({ config: { Labels }, image: {}, given: {} }));
  assert.equal(kept, ["k".repeat(4090), "whole", STOP_SIGNAL]);
  assert.ok("" in containerLabels({ config: {}, image: {}, given: { "": "v" } }));
});

test("a label named like a part of every object is a label", () => {
  const Labels = JSON.parse('{"__proto__":"x","constructor":"y"}');
  const labels = containerLabels({ config: { Labels }, image: {}, given: {} });
  assert.is(JSON.stringify(labels), `{"__proto__":"x","constructor":"y","${STOP_SIGNAL}":"SIGTERM"}`);
});

test.run();
