import type { Extent, ImageCheck } from "../../client/images/check-image.ts";
import type { Image } from "../../core/records.ts";
import type { OutputFormat } from "../flags/output.ts";
import { printListing } from "./listing.ts";
import { formatBinarySize } from "./sizes.ts";
import { tableStyles } from "./table.ts";

export interface CheckedImage extends ImageCheck {
  image: Image;
}

export function printChecks(checked: readonly CheckedImage[], format: OutputFormat): void {
  printListing(
    {
      style: tableStyles.narrowHeader,
      header: ["REF", "TYPE", "DIGEST", "STATUS", "SIZE", "UNPACKED"],
      rows: checked.map(row),
      records: checked.map(record),
    },
    format,
  );
}

function row(check: CheckedImage): string[] {
  const { name, target } = check.image;
  const isUnpacked = String(check.isUnpacked ?? false);
  return [name, target.mediaType, target.digest, statusOf(check), sizeOf(check), isUnpacked];
}

function statusOf({ status, present, required }: ImageCheck): string {
  return status === "error" ? status : `${status} (${present.blobs}/${required?.blobs ?? "?"})`;
}

function sizeOf({ status, present, required }: ImageCheck): string {
  const size = (extent: Extent | undefined) => (extent ? formatBinarySize(extent.sizeBytes) : "?");
  return status === "error" ? "-" : `${size(present)}/${size(required)}`;
}

function record({ image, status, present, required, isUnpacked, damaged }: CheckedImage): object {
  const { mediaType, digest } = image.target;
  return {
    name: image.name,
    mediaType,
    digest,
    status,
    presentBlobs: present.blobs,
    presentBytes: present.sizeBytes,
    requiredBlobs: required?.blobs ?? null,
    requiredBytes: required?.sizeBytes ?? null,
    isUnpacked: isUnpacked ?? false,
    damaged: damaged.map((descriptor) => descriptor.digest),
  };
}
