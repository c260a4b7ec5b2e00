import { besideSuite } from "../support/beside-suite.ts";
import { buildImage, buildIndex, buildLayer } from "../support/image.ts";
import { pushImage } from "../support/push-image.ts";

const layer = buildLayer([{ path: "a", content: "a".repeat(100_000) }], { compression: "none" });
const image = buildImage({ layers: [layer] });
const arm = buildImage({
  layers: [buildLayer([{ path: "arm" }])],
  platform: { os: "linux", architecture: "arm64" },
});
const multi = buildIndex([buildImage({ layers: [layer], config: { Cmd: ["x"] } }), arm]);

const digestOf = (text: string): string =>
  `sha256:${new Bun.CryptoHasher("sha256").update(text).digest("hex")}`;

/** Every local command of the content group of the real ctr 1.6, beside ours, in one order on one state. */
const { equally, run } = besideSuite("content beside the real ctr", () => ({
  image,
  async prepare({ bench, words, both }) {
    words.set("MULTI", await pushImage(multi, bench.registry, "multi"));
    words.set("LAYER", layer.descriptor.digest);
    words.set("MANIFEST", image.target.digest);
    words.set("ONE", digestOf("one\n"));
    words.set("TWO", digestOf("two\n"));
    words.set("ABSENT", digestOf("never stored"));
    await both("images", "pull", bench.image);
    await both("images", "pull", "--all-platforms", words.get("MULTI")!);
  },
  normalise,
}));

/**
 * Ages pass, and take more or fewer tabs; the real ctr shuffles labels, and it leaves the port out of where content
 * came from, as if all registries of a host were one.
 */
function normalise(text: string): string {
  return text
    .split("\n")
    .map((line) =>
      line
        .replaceAll(/\t+/g, "\t")
        .replace(/\t(?:Less than a second|\d+ seconds?)(\t|$)/, "\tAGE$1")
        .replace(/(\tAGE\t|^)(\S+=\S*)$/, (_, before: string, labels: string) => before + sorted(labels)),
    )
    .join("\n");
}

const sorted = (labels: string): string =>
  labels
    .replaceAll(/(distribution\.source\.localhost):\d+/g, "$1")
    .split(/,(?=[^,=]+=)/)
    .sort()
    .join(",");

equally("list, get and label", [
  "content ls",
  "content list -q",
  "content ls digest==LAYER",
  "content ls -q digest!=LAYER",
  "content ls -q digest~=^sha256:[0-4]",
  "content ls size==1",
  "content ls -q labels.containerd.io/uncompressed",
  'content ls -q labels."containerd.io/uncompressed"==LAYER',
  "content ls -q digest==LAYER digest==MANIFEST",
  {
    line: "content ls ==",
    classOnly: true,
    ours: { because: "the real one prints a header before it finds out", stdout: "" },
  },
  "content get MANIFEST",
  "content get MANIFEST LAYER",
  "content get ABSENT",
  "content get zz",
  "content get",
  "content label LAYER a=b c",
  "content ls digest==LAYER",
  "content ls -q labels.a==b",
  "content label LAYER a= c=",
  { line: "content label ABSENT a=b", classOnly: true },
  "content label zz a=b",
  "content label",
]);

equally("ingest and active", [
  { line: "content ingest one", stdin: "one\n" },
  { line: "content ingest again", stdin: "one\n" },
  "content get ONE",
  // Kept, since the collector of the real one may come before they are deleted.
  "content label ONE containerd.io/gc.root=now",
  { line: "content ingest --expected-size 4 --expected-digest TWO two", stdin: "two\n" },
  "content label TWO containerd.io/gc.root=now",
  "content ls digest==TWO",
  {
    line: "content ingest --expected-size 5 short",
    stdin: "abcd",
    ours: { because: "the real one says only: unexpected EOF", class: "failed precondition" },
  },
  { line: "content ingest --expected-size 3 long", stdin: "abcd" },
  { line: "content ingest --expected-digest ABSENT other", stdin: "abcd" },
  { line: "content ingest --expected-digest zz other", stdin: "abcd" },
  { line: "content ingest --expected-size x other", stdin: "abcd" },
  "content ingest",
  { line: "content active ref==short" },
  { line: "content active ref==nosuch" },
  { line: "content active ==", classOnly: true },
]);

equally("edit", [
  "content edit",
  "content edit ONE",
  "content edit --editor true zz",
  "content edit --editor true ABSENT",
  "content edit --validate x --editor true ONE",
  "content edit --editor true ONE",
  "content edit --editor exit\t7; ONE",
  "content edit --editor /nosuch/editor ONE",
  { line: "content edit ONE", env: { EDITOR: "echo more >>" } },
  { line: "content edit --editor false ONE", env: { EDITOR: "echo more >>" } },
  {
    line: "content edit --editor sed\t-i\ts/one/three/ ONE",
    ours: {
      because: "the real one reads the file that the editor has replaced",
      code: 0,
      stdout: `${digestOf("three\n")}\n`,
    },
  },
]);

equally("delete", [
  "content rm ONE ABSENT TWO",
  "content del ABSENT",
  "content remove zz",
  "content delete",
  "content get ONE",
]);

equally("prune references", [
  "content prune references --dry",
  "images check",
  "content prune references",
  "images check",
  "content ls digest==LAYER",
  "content ls",
  "content prune references --async",
]);

run();
