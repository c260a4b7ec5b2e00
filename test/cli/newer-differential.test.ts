import { join } from "node:path";
import { besideSuite } from "../support/beside-suite.ts";
import { busyboxImage, busyboxLayer } from "../support/busybox-image.ts";
import { unpackPackages } from "../support/debian-packages.ts";
import { buildImage, buildIndex, buildLayer } from "../support/image.ts";
import { pushImage } from "../support/push-image.ts";

/** What the images and content groups have had since ctr 2.1, beside that one. */
const { tree, missing } = unpackPackages("sid", "containerd");

const docker = busyboxImage({ format: "docker" });
const multi = buildIndex([
  buildImage({
    layers: [busyboxLayer(), buildLayer([{ path: "etc/second", content: "two" }])],
    config: { Cmd: ["sh"] },
    platform: { os: "linux", architecture: "amd64" },
  }),
  buildImage({
    layers: [buildLayer([{ path: "arm" }])],
    platform: { os: "linux", architecture: "arm", variant: "v7" },
  }),
]);

const { equally, run } = besideSuite(
  "beside a newer ctr",
  () => ({
    programs: join(tree!, "usr/bin"),
    normalise,
    async prepare({ bench, words, both }) {
      words.set("DOCKER", await pushImage(docker, bench.registry, "docker"));
      words.set("MULTI", await pushImage(multi, bench.registry, "multi"));
      words.set("CONFIG", docker.blobs.at(-2)!.descriptor.digest);
      words.set("MANIFEST", docker.target.digest);
      for (const name of [bench.image, words.get("DOCKER")!]) await both("images", "pull", "--local", name);
      await both("images", "pull", "--local", "--all-platforms", words.get("MULTI")!);
      await both("images", "label", words.get("DOCKER")!, "b=2", 'a="1"');
    },
  }),
  missing,
);

/** Times pass, and the newer one, too, shuffles labels. */
function normalise(text: string): string {
  const lines = text
    .replaceAll(/\d{4}-\d\d-\d\d [\d:.]+ \+0000 UTC/g, "TIME")
    // It leaves the port out of where content came from, as if all registries of a host were one.
    .replaceAll(/(?<=distribution\.source\.)localhost(?::\d+)?/g, "HOST")
    .replaceAll(/localhost:\d+/g, "HOST")
    .split("\n");
  const isLabel = (line: string | undefined) => /^[ │]*│ *(?:Label )?"[^"]+": "/.test(line ?? "");
  for (let at = 0; at < lines.length; at++) {
    let end = at;
    while (isLabel(lines[end])) end++;
    if (end > at) lines.splice(at, end - at, ...lines.slice(at, end).sort());
    at = Math.max(at, end - 1);
  }
  return lines.join("\n");
}

equally("inspect", [
  "images inspect IMAGE",
  "images inspect DOCKER",
  "images inspect MULTI",
  "images inspect --content IMAGE",
  "images inspect --content DOCKER",
  "images inspect --content MULTI",
  "images inspect nosuch",
  {
    line: "images inspect",
    ours: { because: "ours says what is missing", class: "please provide an image name to inspect" },
  },
]);

equally("usage", [
  "images usage IMAGE",
  "images usage MULTI",
  "images usage nosuch",
  {
    line: "images usage",
    ours: { because: "the other one speaks of mounting", class: "please provide an image reference" },
  },
]);

equally("fetch-blob", [
  "content fetch-blob DOCKER CONFIG",
  "content fetch-blob DOCKER CONFIG CONFIG",
  "content fetch-blob DOCKER MANIFEST",
  "content fetch-blob DOCKER zz",
  "content fetch-blob DOCKER",
  {
    line: "content fetch-blob",
    ours: { because: "ours names what is missing first", class: "please provide a reference to fetch from" },
  },
]);

equally("check -q", ["images check -q", "images check"]);

equally("prune", [
  "containers create IMAGE user",
  "images prune",
  "images ls -q",
  {
    line: "images prune --all",
    ours: {
      because: "names of what is deleted are a result, as with delete",
      stdout: "HOST/docker:latest\nHOST/multi:latest\n",
    },
  },
  "images ls -q",
]);

run();
