import type { Digest } from "../../src/core/digest.ts";
import type { Draft, Image } from "../../src/core/records.ts";
import { recordStoreSuite } from "../suites/record-store.ts";

const draft = (seed: number): Draft<Image> => ({
  name: `docker.io/library/image-${seed}:latest`,
  target: {
    mediaType: seed === 2 ? "application/vnd.oci.image.index.v1+json" : "application/test",
    digest: `sha256:${String(seed).repeat(64)}` as Digest,
    size: 100 + seed,
    annotations: { position: String(seed) },
  },
  labels: seed === 2 ? { "example.com/second": "yes, it is" } : {},
});

recordStoreSuite("image store", {
  open: (metadata, namespace) => metadata.images(namespace),
  draft,
  idOf: ({ name }) => name,
  messages: {
    notFound: 'image "docker.io/library/image-1:latest": not found',
    alreadyExists: 'image "docker.io/library/image-1:latest": already exists',
  },
  filtersForSecond: [
    "name==docker.io/library/image-2:latest",
    "name~=image-[23]",
    'labels."example.com/second"',
    'labels."example.com/second"=="yes, it is"',
    `target.digest==sha256:${"2".repeat(64)}`,
    "target.mediatype~=index",
    "annotations.position==2",
  ],
  invalid: [
    [{ ...draft(1), name: "" }, "image name must not be empty: invalid argument"],
    [
      { ...draft(1), target: { ...draft(1).target, digest: "" as Digest } },
      'Target.Digest "" invalid: invalid checksum digest format "": invalid argument',
    ],
    [
      { ...draft(1), target: { ...draft(1).target, size: 0 } },
      "Target.Size must be greater than zero: invalid argument",
    ],
    [
      { ...draft(1), target: { ...draft(1).target, mediaType: "" } },
      "Target.MediaType must be set: invalid argument",
    ],
  ],
});
