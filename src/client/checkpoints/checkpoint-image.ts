import type { Descriptor } from "../../core/descriptor.ts";
import { CtrError, hasCode } from "../../core/errors.ts";
import { labelNames } from "../../core/labels.ts";
import { type ImageIndex, parseIndex } from "../../core/manifest.ts";
import { checkpointTypes, isIndex, isIndexOrManifest, isLayer } from "../../core/media-type.ts";
import type { Container, Image, TypedValue } from "../../core/records.ts";
import type { Spec } from "../../core/runtime-spec.ts";
import { readDocument } from "../../images/fetch-document.ts";
import type { LocalImage } from "../../images/read-image.ts";
import { beyondDefault } from "../../oci/beyond-default.ts";
import { decodeRuntimePart, decodeSpecPart } from "../../oci/checkpoint-parts.ts";
import { DEFAULT_RUNTIME } from "../containers/runtime.ts";
import { findImage, openImage } from "../images/images.ts";
import type { Client } from "../open.ts";
import { checkpointAnnotations } from "./checkpoint-parts.ts";

/** A checkpoint as it can be restored here. */
export interface OpenCheckpoint {
  /** What its container is recorded to be made from. */
  image: string;
  base: LocalImage;
  spec: Spec;
  runtime: Container["runtime"];
  snapshotter: string | undefined;
  layer: Descriptor | undefined;
  memory: Descriptor | undefined;
  /** Its container was in a network; a request it is not. */
  hadNetwork: boolean;
}

/**
 * Reads a checkpoint that may come from anywhere. It gets no more of this host than an image would: names in it make
 * or change no image, annotations are dropped (runtimes, hooks and CDI read orders there, CVE-2026-53492), and a
 * configuration that asks for more than `ctr run` gives is FailedPrecondition, unless it was made here or somebody
 * vouches for it. Throws NotFound for what it lacks, InvalidArgument for what is malformed.
 */
export async function openCheckpoint(client: Client, image: Image): Promise<OpenCheckpoint> {
  const content = await client.content();
  if (!isIndex(image.target.mediaType)) throw noCheckpoint(image);
  const index = parseIndex(await readDocument(content, image.target), image.target);
  const part = (mediaType: string) => index.manifests.find((entry) => entry.mediaType === mediaType);
  const config = part(checkpointTypes.config);
  if (config === undefined) throw noCheckpoint(image);
  const spec = decodeSpecPart(await readDocument(content, config));
  const options = part(checkpointTypes.runtimeOptions);
  const runtimeOptions = options && decodeRuntimePart(await readDocument(content, options));
  const isTrusted = (await content.info(image.target.digest)).labels[labelNames.trustedCheckpoint] === "true";
  if (!isTrusted) refuseDemands(image, spec, runtimeOptions);
  const { annotations: _, ...plain } = spec;
  return {
    ...(await findBase(client, image, index)),
    spec: isTrusted ? spec : plain,
    runtime: {
      name: index.annotations?.[checkpointAnnotations.runtime] || DEFAULT_RUNTIME,
      ...(runtimeOptions && { options: runtimeOptions }),
    },
    snapshotter: index.annotations?.[checkpointAnnotations.snapshotter],
    layer: index.manifests.find(({ mediaType }) => isLayer(mediaType)),
    memory: part(checkpointTypes.memory),
    hadNetwork: index.annotations?.[checkpointAnnotations.network] !== undefined,
  };
}

function noCheckpoint({ name }: Image): CtrError {
  return new CtrError("NotFound", `checkpoint's configuration in image ${JSON.stringify(name)}`, {
    hint: "make one with: ctr containers checkpoint --image --rw --task CONTAINER REF",
  });
}

function refuseDemands({ name, target }: Image, spec: Spec, options: TypedValue | undefined): void {
  const demands = [...beyondDefault(spec), ...(options?.value ? ["runtime options of its own"] : [])];
  if (demands.length === 0) return;
  const words = `checkpoint ${JSON.stringify(name)} was not made here and asks for ${demands.join(", ")}`;
  throw new CtrError("FailedPrecondition", words, {
    hint: `if you trust who made it: ctr content label ${target.digest} ${labelNames.trustedCheckpoint}=true`,
  });
}

/**
 * The image below the container's own changes: the one in the checkpoint, or else the one here that has the name given
 * in it. The container says it is of that name only where name and image belong together here.
 */
async function findBase(
  client: Client,
  image: Image,
  { manifests, annotations = {} }: ImageIndex,
): Promise<Pick<OpenCheckpoint, "image" | "base">> {
  const name = annotations[checkpointAnnotations.image] || annotations[checkpointAnnotations.taskImage];
  const named = name ? await ifHere(client, name) : undefined;
  if (!manifests.some(({ mediaType }) => isIndexOrManifest(mediaType))) {
    if (named) return named;
    const which = name ? `image ${JSON.stringify(name)} of checkpoint` : "image of checkpoint";
    throw new CtrError("NotFound", `${which} ${JSON.stringify(image.name)}`, {
      hint: "pull it, or make the checkpoint with --image",
    });
  }
  const base = await openImage(client, image);
  const isSame = named !== undefined && manifestOf(named.base).digest === manifestOf(base).digest;
  return { base, image: isSame ? named.image : image.name };
}

const manifestOf = ({ path }: LocalImage): Descriptor => path.at(-1)!;

async function ifHere(
  client: Client,
  name: string,
): Promise<{ image: string; base: LocalImage } | undefined> {
  try {
    const image = await findImage(client, name);
    return { image: image.name, base: await openImage(client, image) };
  } catch (error) {
    if (hasCode(error, "NotFound", "DataLoss", "NotImplemented", "FailedPrecondition")) return undefined;
    throw error;
  }
}
