/** What a value names, so that a shell can complete it. */
export type Completion =
  | "containers"
  | "digests"
  | "directories"
  | "files"
  | "images"
  | "leases"
  | "namespaces"
  | "platforms"
  | "signals"
  | "snapshots"
  | "snapshotters"
  | "tasks"
  | readonly string[];
