/** ctr as a library: what each command does, as a typed function on a client. */

export { collectGarbage, collectInBackground } from "./collect.ts";
export {
  type ContainerSource,
  type CreatedContainer,
  createContainer,
  generateId,
  type NewContainer,
} from "./containers.ts";
export { deleteContainer, findTask } from "./delete-container.ts";
export { removeAbandoned } from "./ephemeral.ts";
export { type ExecOptions, execProcess } from "./exec.ts";
export { findImage, type ImageSummary, labelImage, openImage, summarizeImage, tagImage } from "./images.ts";
export {
  type Client,
  type ClientOptions,
  DEFAULT_ROOT,
  DEFAULT_SNAPSHOTTER,
  DEFAULT_STATE,
  openClient,
} from "./open.ts";
export { type PulledImage, type PullOptions, pull, wantedPlatforms } from "./pull.ts";
export { type PushedImage, type PushOptions, push } from "./push.ts";
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
