import { busyboxImage, busyboxLayer } from "../support/busybox-image.ts";
import { type BuiltImage, buildImage, buildLayer } from "../support/image.ts";
import { pushImage } from "../support/push-image.ts";
import type { Registry } from "../support/registry.ts";
import { buildBigImage } from "./big-image.ts";
import { buildLargeLayerImage } from "./large-layer.ts";

export type ImageName = keyof typeof BUILDERS;

/** What rows measure with: images, built and pushed when a row first asks for one. */
export interface Fixtures {
  /** The reference of an image in the registry. */
  image(name: ImageName): Promise<string>;
  /** A repository that never had anything, in a registry that has none of the images. */
  newRepository(): string;
}

const LAYER_COUNT = 20;
const FILES_PER_LAYER = 50;
const FILE_BYTES = 4096;

const BUILDERS = {
  small: () => busyboxImage(),
  "20-layers": twentyLayers,
  big: buildBigImage,
  "large-layer": buildLargeLayerImage,
} satisfies Record<string, () => BuiltImage | Promise<BuiltImage>>;

export function createFixtures(registry: Registry, emptyRegistry: Registry): Fixtures {
  const refs = new Map<ImageName, Promise<string>>();
  let repositories = 0;
  return {
    newRepository: () => `${emptyRegistry.host}/bench/${++repositories}`,
    image(name) {
      const known = refs.get(name);
      if (known) return known;
      const ref = Promise.resolve(BUILDERS[name]()).then((image) =>
        pushImage(image, registry, `bench/${name}`),
      );
      refs.set(name, ref);
      return ref;
    },
  };
}

function twentyLayers(): BuiltImage {
  const more = Array.from({ length: LAYER_COUNT - 1 }, (_, layer) =>
    buildLayer(
      Array.from({ length: FILES_PER_LAYER }, (_, file) => ({
        path: `data/${layer}/${file}`,
        content: `${layer} ${file} `.padEnd(FILE_BYTES, "."),
      })),
    ),
  );
  return buildImage({ layers: [busyboxLayer(), ...more], config: { Cmd: ["sh"] } });
}
