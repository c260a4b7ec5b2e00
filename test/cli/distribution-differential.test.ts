import type { Step } from "../support/beside-oracle.ts";
import { besideSuite } from "../support/beside-suite.ts";
import { buildImage, buildIndex, buildLayer } from "../support/image.ts";
import { pushImage } from "../support/push-image.ts";

const layer = buildLayer([{ path: "a", content: "a" }]);
const image = buildImage({ layers: [layer] });
const forPlatform = (architecture: string) =>
  buildImage({ layers: [buildLayer([{ path: architecture }])], platform: { os: "linux", architecture } });
const arm = forPlatform("arm64");
const multi = buildIndex([forPlatform("amd64"), arm]);

/** Every command of the real ctr 1.6 that speaks to a registry, beside ours, in one order on one state. */
const { equally, run } = besideSuite("distribution beside the real ctr", () => ({
  image,
  async prepare({ bench, words }) {
    words.set("MULTI", await pushImage(multi, bench.registry, "multi"));
    words.set("HOST", bench.registry.host);
    words.set("LAYER", layer.descriptor.digest);
    words.set("TYPE", layer.descriptor.mediaType);
    words.set("MANIFEST", image.target.digest);
    words.set("ARM", arm.target.digest);
    words.set("NOWHERE", "localhost:1");
  },
  normalise,
}));

const ESCAPES = new RegExp(`${String.fromCharCode(27)}\\[\\d*[A-Zm]`, "g");

/**
 * Of the real one's screens what is final, as ours has it from the start, in any order; it calls what was there `done`
 * where we say `exists`. Times pass.
 */
function normalise(text: string): string {
  const lines = text
    .split("\n")
    .filter((line) => !/^elapsed: |: +(?:waiting|resolving|downloading|uploading|committing) +\|/.test(line))
    .map((line) =>
      line
        .replaceAll(ESCAPES, "")
        .replace(/: +(resolved|done|exists)(?: +\|[+-]*\|.*)?$/, ": $1")
        .replace(/^(\w+-sha256:\w+): exists$/, "$1: done")
        .replace(/^done: [\d.]+m?s\t?$/, "done: TIME"),
    );
  return [...new Set(lines)].sort().join("\n");
}

const missing = (line: string, words: string): Step => ({
  line,
  ours: { because: "ours says what is missing", class: words },
});
const REFUSED = { ours: { because: "every line of ours ends in a class", class: "unavailable" } };

/** With --debug, as nobody watches: else the real one draws its screens into the pipe. */
equally("pull", [
  "--debug images pull IMAGE",
  "--debug images pull IMAGE",
  "--debug images pull --print-chainid IMAGE",
  "--debug images pull --label a=b IMAGE",
  "images ls -q labels.a==b",
  "images ls",
  "--debug images pull --all-platforms MULTI",
  "images check",
  { line: "images pull HOST/nosuch:1", classOnly: true },
  { line: "images pull NOWHERE/nosuch:1", ...REFUSED },
  {
    line: "images pull --platform linux/s390x MULTI",
    classOnly: true,
    ours: { because: "nothing is said to be unpacked that is not there", stdout: "" },
  },
  "images pull --platform x/y/z/w IMAGE",
  {
    line: "images pull --snapshotter nosuch IMAGE",
    classOnly: true,
    ours: { because: "nothing is fetched that could not be unpacked", stdout: "" },
  },
]);

equally("fetch", [
  missing("content fetch", "please provide an image reference to fetch"),
  "content fetch IMAGE",
  "content fetch --label c=d IMAGE",
  "images ls",
  "content fetch --metadata-only MULTI",
  { line: "content fetch HOST/nosuch:1", classOnly: true },
  "content fetch-object IMAGE",
  "content fetch-object MULTI",
  { line: "content fetch-object HOST/nosuch:1", classOnly: true },
  missing("content fetch-object", "please provide a reference to fetch"),
]);

equally("push", [
  "images push",
  { line: "images push HOST/x:1 nosuch:1", classOnly: true },
  { line: "images push NOWHERE/x:1 IMAGE", ...REFUSED },
  "content push-object IMAGE LAYER TYPE",
  "content push-object IMAGE zz TYPE",
  missing("content push-object", "please provide a reference to push to"),
]);

run();
