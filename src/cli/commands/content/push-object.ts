import { pushObject } from "../../../client/images/push.ts";
import { openResolver } from "../../../client/images/resolver.ts";
import { parseDigest } from "../../../core/digest.ts";
import { CtrError } from "../../../core/errors.ts";
import { defineCommand, optional, required } from "../../command.ts";
import { registryFlags, remoteOptionsOf } from "../../flags/registry.ts";
import { writeOut } from "../../output.ts";

export default defineCommand({
  summary: "push one blob or manifest to a registry",
  description:
    "A manifest, told by its TYPE, is pushed under the reference's tag; registries want what it names to be there before.",
  examples: ["content push-object localhost:5000/app:1 sha256:… application/vnd.oci.image.layer.v1.tar+gzip"],
  flags: registryFlags,
  args: {
    ref: required("please provide a reference to push to", { completion: "images" }),
    digest: required("invalid checksum digest format", { completion: "digests" }),
    mediaType: optional(),
  },
  async run({ flags, args }, context) {
    const { signal } = context;
    const digest = parseDigest(args.digest);
    const mediaType = args.mediaType ?? "";
    const client = await context.openClient();
    const resolver = await openResolver(await remoteOptionsOf(flags, args.ref));
    const outcome = await pushObject(client, args.ref, { digest, mediaType }, { resolver, signal });
    if (outcome === "exists") throw new CtrError("AlreadyExists", `content ${digest} on remote`);
    writeOut(`Pushed ${digest} ${mediaType}\n`);
  },
});
