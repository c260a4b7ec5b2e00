/** What the kernel counts: 64 bits wide, which `number` is not. */
export type Counter = bigint;

/** Counters by containerd's names, its messages nested as in its protobuf; absent where the kernel has none. */
export interface Measured {
  readonly [name: string]: Counter | string | readonly Counter[] | Measured | readonly Measured[] | undefined;
}

/** What a container has used, as its cgroups say. */
export interface Metrics {
  /** Of the cgroups, and so of the names: io.containerd.cgroups.v1.Metrics or v2.Metrics. */
  version: 1 | 2;
  at: Date;
  values: Measured;
}
