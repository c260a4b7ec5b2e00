/** ctr as a library: what each command does, as a typed function on a client. */

export { type CheckOptions, checkImage, createInspector, type ImageCheck } from "./check-image.ts";
export { collectGarbage, collectInBackground } from "./collect.ts";
export { type NetworkOptions, networkAddresses, releaseNetwork } from "./container-network.ts";
export {
  type ContainerSource,
  type CreatedContainer,
  createContainer,
  generateId,
  type NewContainer,
} from "./containers.ts";
export { type ConvertRequest, convert } from "./convert.ts";
export { deleteContainer, deleteTask, findTask } from "./delete-container.ts";
export { editContent } from "./edit-content.ts";
export { removeAbandoned } from "./ephemeral.ts";
export { type ExecOptions, execProcess } from "./exec.ts";
export { type ExportImagesOptions, exportImages } from "./export.ts";
export { imageUsage, type LayerUsage } from "./image-usage.ts";
export { findImage, type ImageSummary, labelImage, openImage, summarizeImage, tagImage } from "./images.ts";
export { type ImportedImage, type ImportOptions, importImages } from "./import.ts";
export { type ImageNode, inspectImage } from "./inspect-image.ts";
export { type MountedImage, type MountImageOptions, mountImage, unmountImage } from "./mount-image.ts";
export {
  type Client,
  type ClientOptions,
  DEFAULT_ROOT,
  DEFAULT_SNAPSHOTTER,
  DEFAULT_STATE,
  openClient,
} from "./open.ts";
export { pruneImages } from "./prune-images.ts";
export { pruneReferences } from "./prune-references.ts";
export { type PulledImage, type PullOptions, pull, wantedPlatforms } from "./pull.ts";
export { type PushedImage, type PushOptions, push } from "./push.ts";
export { needsRepair, type RepairOptions, repairImage } from "./repair-image.ts";
export { openResolver, storedCredentials, USUAL_HOSTS_DIRS, usualRemoteOptions } from "./resolver.ts";
export {
  type RunOptions,
  run,
  runDetached,
  runEphemeral,
  startAttached,
  startDetached,
  type TaskOptions,
} from "./run.ts";
export { DEFAULT_RUNTIME } from "./runtime.ts";
