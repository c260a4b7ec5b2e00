/** What long work tells its audience: one row per thing on the way. Offsets and totals are in bytes. */
export type ProgressState =
  | "resolving"
  | "resolved"
  | "waiting"
  | "downloading"
  | "uploading"
  | "unpacking"
  | "converting"
  | "importing"
  | "exporting"
  | "verifying"
  | "done"
  | "exists";

export interface ProgressRow {
  /** `REF`, or `KIND-DIGEST` as ctr shows it: `layer-sha256:…`. */
  name: string;
  state: ProgressState;
  offset?: number;
  total?: number;
}

export type ProgressListener = (row: ProgressRow) => void;
