import type { ImageSummary } from "../../../client/images/images.ts";
import { summarizeImage } from "../../../client/images/images.ts";
import { withSubject } from "../../../core/errors.ts";
import { createLimiter } from "../../../core/limiter.ts";
import type { Image, ImageStore } from "../../../core/records.ts";
import { defineCommand, variadic } from "../../command.ts";
import { reportLine } from "../../failure.ts";
import { listingFlags } from "../../flags/listing.ts";
import { warn } from "../../output.ts";
import { formatLabels } from "../../print/labels.ts";
import { printListing, printNames } from "../../print/listing.ts";
import { formatBinarySize } from "../../print/sizes.ts";
import { tableStyles } from "../../print/table.ts";

/** Each has a document open: an image more must not be a file too many. */
const CONCURRENT_IMAGES = 16;

export default defineCommand({
  summary: "list images",
  description:
    "Filters select by name, target.digest, target.mediatype, labels.KEY or annotations.KEY; SIZE is that of this host's platform.",
  examples: ["images list", "images list name~=busybox labels.team==ci", "images list -o json"],
  flags: listingFlags,
  args: { filters: variadic() },
  async run({ flags, args }, context) {
    const client = await context.openClient();
    const images = listImages(await client.images(), args.filters);
    if (flags.quiet) return printNames(images.map(({ name }) => name));
    const summarize = async (image: Image): Promise<ImageSummary> => {
      try {
        return await summarizeImage(client, image);
      } catch (error) {
        warn(`failed resolving platform for image ${image.name}: ${reportLine(error)}`);
        return { ...image, platforms: [], sizeBytes: undefined };
      }
    };
    const limit = createLimiter(CONCURRENT_IMAGES);
    const summaries = await Promise.all(images.map((image) => limit(() => summarize(image))));
    printListing(
      {
        style: tableStyles.narrow,
        header: ["REF", "TYPE", "DIGEST", "SIZE", "PLATFORMS", "LABELS"],
        rows: summaries.map(row),
        records: summaries.map(record),
      },
      flags.output,
    );
  },
});

function listImages(images: ImageStore, filters: readonly string[]): Image[] {
  try {
    return images.list(filters);
  } catch (error) {
    throw withSubject("failed to list images", error);
  }
}

function row({ name, target, sizeBytes, platforms, labels }: ImageSummary): string[] {
  const size = sizeBytes === undefined ? "-" : formatBinarySize(sizeBytes);
  return [name, target.mediaType, target.digest, size, platforms.join(",") || "-", formatLabels(labels)];
}

function record({ name, target, sizeBytes, platforms, labels, createdAt, updatedAt }: ImageSummary): object {
  const { mediaType, digest } = target;
  return { name, mediaType, digest, sizeBytes: sizeBytes ?? null, platforms, labels, createdAt, updatedAt };
}
