import { type CheckOptions, checkImage, createInspector } from "../../../client/images/check-image.ts";
import { needsRepair } from "../../../client/images/repair-image.ts";
import type { Client } from "../../../client/open.ts";
import { CtrError, withSubject } from "../../../core/errors.ts";
import type { Image } from "../../../core/records.ts";
import { defineCommand, variadic } from "../../command.ts";
import type { Context } from "../../context.ts";
import { reportLine } from "../../failure.ts";
import { booleanFlag } from "../../flags/flag.ts";
import { outputFlag } from "../../flags/output.ts";
import { registryFlags, remoteOptionsOf } from "../../flags/registry.ts";
import { snapshotterFlags } from "../../flags/snapshotter.ts";
import { writeError } from "../../output.ts";
import { type CheckedImage, printChecks } from "../../print/image-checks.ts";
import { printNames } from "../../print/listing.ts";
import { withProgress } from "../../progress/open-progress.ts";
import { repairShown } from "../../repair-image.ts";

export default defineCommand({
  summary: "check that the content of images is there",
  description:
    "STATUS counts the blobs of this host's platform that are there and those that it takes. --verify reads and hashes every blob and fails when one is damaged; --repair does so too, fetches from the registry what is missing or damaged, and unpacks what is not unpacked. Filters are those of images list.",
  examples: ["images check", "images check --verify name~=busybox", "images check --repair"],
  flags: {
    quiet: booleanFlag("print the names of complete images only, one to a line", { alias: "q" }),
    verify: booleanFlag("hash every blob"),
    repair: booleanFlag("mend what is missing or damaged"),
    ...snapshotterFlags,
    ...registryFlags,
    output: outputFlag,
  },
  args: { filters: variadic() },
  async run({ flags, args }, context) {
    const client = await context.openClient();
    const images = (await client.images()).list(args.filters);
    const verify = flags.verify || flags.repair;
    const { snapshotter } = flags;
    const checkThem = () =>
      withProgress({ quiet: flags.quiet || !verify || context.globals.debug }, (onProgress) =>
        checkAll(client, images, { snapshotter, verify, onProgress, signal: context.signal }),
      );
    let checked = await checkThem();
    const failures: unknown[] = [];
    if (flags.repair) {
      const repaired = await repairAll(client, checked, flags, context);
      failures.push(...repaired.failures);
      if (repaired.count > 0) checked = await checkThem();
    }
    failures.push(...checked.flatMap((one) => reportProblems(one, verify)));
    if (flags.quiet) printNames(checked.filter(isComplete).map(({ image }) => image.name));
    else if (checked.length > 0) printChecks(checked, flags.output);
    if (failures.length > 0) throw failures[0];
  },
});

const isComplete = ({ status }: CheckedImage): boolean => status === "complete";

async function checkAll(
  client: Client,
  images: readonly Image[],
  options: CheckOptions,
): Promise<CheckedImage[]> {
  const inspect = await createInspector(client, options);
  const checked: CheckedImage[] = [];
  for (const image of images) {
    checked.push({ image, ...(await checkImage(client, image, { ...options, inspect })) });
  }
  return checked;
}

/** One after the other: what two images share is fetched once. */
async function repairAll(
  client: Client,
  checked: readonly CheckedImage[],
  flags: Parameters<typeof remoteOptionsOf>[0] & { snapshotter: string | undefined; quiet: boolean },
  context: Context,
): Promise<{ count: number; failures: unknown[] }> {
  const failures: unknown[] = [];
  const broken = checked.filter(needsRepair);
  for (const { image, damaged } of broken) {
    try {
      const remote = await remoteOptionsOf(flags, image.name);
      const { snapshotter, quiet } = flags;
      await repairShown(client, image, { damaged }, { remote, snapshotter, quiet }, context);
    } catch (error) {
      context.signal.throwIfAborted();
      failures.push(tell(withSubject(`unable to repair ${image.name}`, error)));
    }
  }
  return { count: broken.length, failures };
}

/** Says on standard error what the table has no room for; answers what makes the command fail. */
function reportProblems(
  { image, contentFailure, unpackFailure, damaged }: CheckedImage,
  verify: boolean,
): unknown[] {
  const failures: unknown[] = [];
  if (contentFailure) failures.push(tell(withSubject(`unable to check ${image.name}`, contentFailure)));
  if (unpackFailure)
    failures.push(tell(withSubject(`unable to check unpack for ${image.name}`, unpackFailure)));
  for (const { digest } of verify ? damaged : []) {
    const hint = "mend it with: ctr images check --repair";
    failures.push(tell(new CtrError("DataLoss", `${image.name}: content ${digest} is damaged`, { hint })));
  }
  return failures;
}

function tell(failure: unknown): unknown {
  writeError(`ctr: error: ${reportLine(failure)}\n`);
  return failure;
}
