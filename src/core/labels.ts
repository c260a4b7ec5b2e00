import { CtrError } from "./errors.ts";
import { quote } from "./quote.ts";

export type Labels = Readonly<Record<string, string>>;

/** Labels with a meaning to containerd, which have the same here, so that records and images travel; and our own. */
export const labelNames = {
  gcPrefix: "containerd.io/gc.",
  gcRoot: "containerd.io/gc.root",
  gcRefContent: "containerd.io/gc.ref.content",
  gcRefSnapshot: "containerd.io/gc.ref.snapshot",
  gcExpire: "containerd.io/gc.expire",
  gcFlat: "containerd.io/gc.flat",
  uncompressed: "containerd.io/uncompressed",
  distributionSource: "containerd.io/distribution.source",
  /** Of a lease that holds work in progress: who works, and for which image. */
  workOwner: "ctr/work.owner",
  workImage: "ctr/work.image",
  snapshotRef: "containerd.io/snapshot.ref",
  snapshotUidMapping: "containerd.io/snapshot/uidmapping",
  snapshotGidMapping: "containerd.io/snapshot/gidmapping",
  /** Of a checkpoint's image; "true". */
  checkpoint: "containerd.io/checkpoint",
  /** Of a checkpoint's index: it was made here, or somebody vouches for it. Only ours, and of this namespace. */
  trustedCheckpoint: "ctr.checkpoint.trusted",
  stopSignal: "io.containerd.image.config.stop-signal",
} as const;

const MAX_LABEL_BYTES = 4096;

/**
 * There is a key, and with the value it holds at most 4096 bytes, as in containerd. Throws InvalidArgument, naming the
 * `field`.
 */
export function validateLabels(labels: Labels, field?: string): void {
  for (const [key, value] of Object.entries(labels)) {
    const subject = complaintAbout(key, value);
    if (subject) throw new CtrError("InvalidArgument", field ? `${field}: ${subject}` : subject);
  }
}

/** Whether `validateLabels` has nothing against it. */
export const isValidLabel = (key: string, value: string): boolean => complaintAbout(key, value) === undefined;

function complaintAbout(key: string, value: string): string | undefined {
  if (key === "") return `label ${quote(`=${value}`)} has no key`;
  const bytes = Buffer.byteLength(key) + Buffer.byteLength(value);
  if (bytes <= MAX_LABEL_BYTES) return undefined;
  return `label key and value length (${bytes} bytes) greater than maximum size (${MAX_LABEL_BYTES} bytes), key: ${key.slice(0, 64)}`;
}

/** `k=v` as the command line gives it; `k` alone is `bare` (most commands: "true"), and `k=` an empty value. */
export function parseLabels(words: readonly string[], bare = "true"): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const word of words) {
    const equals = word.indexOf("=");
    if (equals < 0) labels[word] = bare;
    else labels[word.slice(0, equals)] = word.slice(equals + 1);
  }
  return labels;
}

/** The set after an update: an empty value removes its key, as every `label` command of ctr does. */
export function mergeLabels(current: Labels, changes: Labels): Record<string, string> {
  const merged: Record<string, string> = { ...current };
  for (const [key, value] of Object.entries(changes)) {
    if (value === "") delete merged[key];
    else merged[key] = value;
  }
  return merged;
}
