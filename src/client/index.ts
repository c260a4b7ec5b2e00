/** ctr as a library: what each command does, as a typed function on a client. */

export { collectGarbage, collectInBackground } from "./collect.ts";
export { type NetworkOptions, networkAddresses, releaseNetwork } from "./containers/container-network.ts";
export {
  type ContainerSource,
  type CreatedContainer,
  createContainer,
  generateId,
  type NewContainer,
} from "./containers/create-container.ts";
export { deleteContainer, deleteTask, findTask } from "./containers/delete-container.ts";
export { removeAbandoned } from "./containers/ephemeral.ts";
export { type ExecOptions, execProcess } from "./containers/exec.ts";
export {
  type RunOptions,
  run,
  runDetached,
  runEphemeral,
  startAttached,
  startDetached,
  type TaskOptions,
} from "./containers/run.ts";
export { DEFAULT_RUNTIME } from "./containers/runtime.ts";
export { editContent } from "./content/edit-content.ts";
export { pruneReferences } from "./content/prune-references.ts";
export { type CheckOptions, checkImage, createInspector, type ImageCheck } from "./images/check-image.ts";
export { type ConvertRequest, convert } from "./images/convert.ts";
export { type ExportImagesOptions, exportImages } from "./images/export.ts";
export { imageUsage, type LayerUsage } from "./images/image-usage.ts";
export {
  findImage,
  type ImageSummary,
  labelImage,
  openImage,
  summarizeImage,
  tagImage,
} from "./images/images.ts";
export { type ImportedImage, type ImportOptions, importImages } from "./images/import.ts";
export { type ImageNode, inspectImage } from "./images/inspect-image.ts";
export { type MountedImage, type MountImageOptions, mountImage, unmountImage } from "./images/mount-image.ts";
export { pruneImages } from "./images/prune-images.ts";
export { type PulledImage, type PullOptions, pull, wantedPlatforms } from "./images/pull.ts";
export { type PushedImage, type PushOptions, push } from "./images/push.ts";
export { needsRepair, type RepairOptions, repairImage } from "./images/repair-image.ts";
export { openResolver, storedCredentials, USUAL_HOSTS_DIRS, usualRemoteOptions } from "./images/resolver.ts";
export {
  type Client,
  type ClientOptions,
  DEFAULT_ROOT,
  DEFAULT_SNAPSHOTTER,
  DEFAULT_STATE,
  openClient,
} from "./open.ts";
