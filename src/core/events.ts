import type { Labels } from "./labels.ts";
import type { Mount } from "./mount.ts";

/**
 * What each topic says, with containerd's names of topics and fields (its api/events). Who reads an event finds it as
 * Go would have written it: without fields that are empty, zero or false, and with times in RFC 3339, as they were
 * until containerd 1.7.
 */
export interface EventFields {
  "/namespaces/create": { name: string; labels: Labels };
  /** `labels` holds what was changed, an empty value what was removed. */
  "/namespaces/update": { name: string; labels: Labels };
  "/namespaces/delete": { name: string };
  "/images/create": { name: string; labels: Labels };
  "/images/update": { name: string; labels: Labels };
  "/images/delete": { name: string };
  "/content/create": { digest: string; size: number; mediaType?: string };
  "/content/delete": { digest: string };
  "/snapshot/prepare": { key: string; parent: string; snapshotter: string };
  "/snapshot/commit": { key: string; name: string; snapshotter: string };
  "/snapshot/remove": { key: string; snapshotter: string };
  "/containers/create": {
    id: string;
    image: string;
    runtime: { name: string; options?: { type_url: string; value?: string } };
  };
  "/containers/update": { id: string; image: string; labels: Labels; snapshot_key: string };
  "/containers/delete": { id: string };
  "/tasks/create": {
    container_id: string;
    bundle: string;
    rootfs: readonly Mount[];
    io: { stdin?: string; stdout?: string; stderr?: string; terminal: boolean };
    /** Directory of the checkpoint that it was restored from. */
    checkpoint?: string;
    pid: number;
  };
  "/tasks/start": { container_id: string; pid: number };
  /** Of the first process, whose `id` is the container's, or of an exec. */
  "/tasks/exit": { container_id: string; id: string; pid: number; exit_status: number; exited_at: Date };
  "/tasks/delete": { container_id: string; pid: number; exit_status: number; exited_at: Date };
  "/tasks/exec-added": { container_id: string; exec_id: string };
  "/tasks/exec-started": { container_id: string; exec_id: string; pid: number };
  "/tasks/paused": { container_id: string };
  "/tasks/resumed": { container_id: string };
  /** The kernel has killed a process of the container for want of memory; the container may go on without it. */
  "/tasks/oom": { container_id: string };
  "/tasks/checkpointed": { container_id: string; checkpoint: string };
}

export type Topic = keyof EventFields;

/** A topic with its fields. */
export type Announcement = { [T in Topic]: readonly [topic: T, event: EventFields[T]] }[Topic];

/** An event as it is read. Other versions of ctr may know other topics, and other fields. */
export interface Envelope {
  /** RFC 3339 in UTC, always with nine digits of a second, so that text order is time order. */
  timestamp: string;
  namespace: string;
  topic: string;
  event: Readonly<Record<string, unknown>>;
}

export interface ReadEvents {
  /** From this time on, as far back as the log is kept. Without it: all of that, or with `follow` what is yet to come. */
  since?: Date;
  /** Up to this time; one that is yet to come is waited for. */
  until?: Date;
  /** Goes on with what others publish meanwhile, until the signal aborts. */
  follow?: boolean;
  /** containerd's filters over `topic`, `namespace` and `event.FIELD`; several are OR. */
  filters?: readonly string[];
  signal?: AbortSignal;
  /** Events went by that nobody can read any more: they were cut off before we came to them. */
  onLoss?: () => void;
}

export interface EventPublisher {
  /**
   * Tells of a change that is done. Never throws and never waits: where the log cannot be written (a full disk, a
   * state directory that is read-only) the event is lost, and what it tells of has happened all the same. So it is
   * when its process is killed between the change and this: no event comes twice, some may not come at all.
   *
   * An event is in the log whole, in one place, before this returns. It is not synced: events are for those who look
   * on; what is so stands in the database and in /proc.
   */
  publish(namespace: string, ...announcement: Announcement): void;
}

/**
 * The events of one state directory since the machine started: what became of its images, containers, snapshots and
 * tasks, in all namespaces. Any number of processes publish and read at once, and no one waits for another; each may
 * be killed at any instruction. What one that was killed had half written is passed over by readers.
 *
 * Events stand in the order in which they were published, those of one process in its order. Of two processes that
 * publish in the same instant the later in the log may have the earlier time, by microseconds.
 *
 * The log keeps at least its last 4 MiB, and gives back what is older; a reader that has fallen behind that far is
 * told so.
 */
export interface EventLog extends EventPublisher {
  /** Throws InvalidArgument for a bad filter, NotFound when the state directory is removed while it is followed. */
  read(options?: ReadEvents): AsyncIterable<Envelope>;
}
