import { mkdirSync } from "node:fs";
import { besideSuite } from "../support/beside-suite.ts";
import { busyboxImage, busyboxLayer } from "../support/busybox-image.ts";
import { buildImage, buildIndex, buildLayer } from "../support/image.ts";
import { pushImage } from "../support/push-image.ts";

const docker = busyboxImage({ format: "docker" });
const second = buildLayer([{ path: "etc/second", content: "two" }]);
const multi = buildIndex([
  buildImage({
    layers: [busyboxLayer(), second],
    config: { Cmd: ["sh"] },
    platform: { os: "linux", architecture: "amd64" },
  }),
  buildImage({
    layers: [buildLayer([{ path: "arm", content: "arm" }])],
    platform: { os: "linux", architecture: "arm64" },
  }),
]);

/** Every command of the images group that the real ctr 1.6 has, beside ours, in one order on one state. */
const { equally, run } = besideSuite("images beside the real ctr", () => ({
  async prepare({ bench, words, both }) {
    words.set("DOCKER", await pushImage(docker, bench.registry, "docker"));
    words.set("MULTI", await pushImage(multi, bench.registry, "multi"));
    words.set("DIR", bench.directory.join("mounted/here"));
    words.set("SECOND", second.descriptor.digest);
    words.set("DOCKERCONFIG", docker.blobs.at(-2)!.descriptor.digest);
    words.set("DOCKERMANIFEST", docker.target.digest);
    mkdirSync(words.get("DIR")!);
    await both("images", "pull", bench.image);
    await both("images", "pull", words.get("DOCKER")!);
    await both("images", "pull", "--platform", "linux/amd64", words.get("MULTI")!);
  },
}));

equally("list with every kind of filter", [
  "images ls",
  "i ls -q",
  "image list --quiet",
  "images ls name==MULTI",
  "images ls -q name~=busybox|docker",
  "images ls -q name!=MULTI",
  "images ls -q target.digest==DOCKERMANIFEST",
  "images ls -q target.mediatype~=index",
  "images ls -q name==MULTI name==IMAGE",
  "images ls -q name~=docker,target.mediatype~=docker",
  { line: "images ls -q name~=.*,target.mediatype~=docker", classOnly: true },
  "images ls -q nosuch==x",
  "images ls -q labels.x",
  { line: "images ls name~=[", classOnly: true },
  { line: "images ls name=x", classOnly: true },
  { line: "images ls ==", classOnly: true },
]);

equally("check", [
  "images check",
  "images check -q",
  "images check name~=multi",
  "images check name==nosuch",
  "images check -q name==nosuch",
  { line: "images check --snapshotter nosuch", classOnly: true },
  { line: "images check name~=[", classOnly: true },
]);

equally("tag, label and delete", [
  "images tag IMAGE a:1 a:2",
  "images tag IMAGE a:3 a:1",
  "images ls -q name~=^a:",
  "images tag --force IMAGE a:1",
  "images tag nosuch:1 b:1",
  "images tag --force nosuch:1 b:1",
  "images label a:1 flag",
  "images label a:1 flag= k=v",
  "images label a:1 k=",
  "images label a:1 k=v",
  "images ls -q labels.k==v",
  "images label --replace-all a:1 z=1",
  "images label nosuch k=v",
  "images label",
  "images rm --sync a:1 nosuch a:2",
  "images del a:3",
  "images remove nosuch",
  "images ls -q",
]);

equally("convert", [
  "images convert",
  "images convert IMAGE",
  "images convert nosuch c:1",
  "images convert IMAGE c:1",
  "images convert --uncompress IMAGE c:1",
  "images convert --oci DOCKER c:2",
  "images convert --uncompress --oci DOCKER c:3",
  "images convert --uncompress DOCKER c:4",
  "images convert --oci MULTI c:5",
  "images convert --uncompress --platform linux/amd64 MULTI c:6",
  { line: "images convert --platform x/y/z/w IMAGE c:7", classOnly: true },
  { line: "images convert --all-platforms --uncompress MULTI c:8", classOnly: true },
  {
    line: "images convert --platform linux/s390x MULTI c:9",
    ours: { because: "the real one makes an index of nothing", code: 1, stdout: "" },
  },
  { line: "images rm c:9", ours: { because: "it was not made", stdout: "" } },
  "images ls",
  "images check",
  "run --rm c:3 r1 true",
  "images rm --sync c:1 c:2 c:3 c:4 c:5 c:6",
  "images ls",
  "content ls -q",
]);

equally("mount and unmount", [
  "images mount",
  { line: "images mount nosuch DIR", classOnly: true },
  "images mount IMAGE DIR",
  "leases ls",
  "snapshots ls",
  "images mount IMAGE DIR",
  "images unmount DIR",
  "images unmount DIR",
  "leases ls -q",
  "images unmount --rm DIR",
  "leases ls",
  "snapshots ls",
  "images mount --rw MULTI DIR",
  "snapshots ls",
  "images unmount --rm DIR",
  "images unmount",
  "images unmount /nosuch",
  {
    line: "images mount IMAGE /nosuch",
    classOnly: true,
    ours: { because: "the real one prints the chain ID of what it then does not mount", stdout: "" },
  },
  { line: "images mount --platform linux/s390x MULTI DIR", classOnly: true },
  { line: "images mount --platform x/y/z/w IMAGE DIR", classOnly: true },
  "leases ls",
  "snapshots ls",
]);

/** Last: what is deleted here is not brought back. */
equally("images of which parts are missing", [
  "content rm SECOND",
  "images check",
  "images check -q",
  "images ls",
  "content rm DOCKERMANIFEST",
  { line: "images check", classOnly: true },
  "images check -q name~=multi",
  "content rm DOCKERCONFIG",
  { line: "images check", classOnly: true },
  { line: "images check -q", classOnly: true },
  "images ls",
]);

run();
