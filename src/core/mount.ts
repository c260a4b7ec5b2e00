/**
 * The one value that joins snapshotter, differ and runtime, as in containerd: what `mount -t TYPE SOURCE -o OPTIONS`
 * would be given. `target` is a path below the mount point, absent for the mount point itself.
 */
export interface Mount {
  type: string;
  source: string;
  target?: string;
  options: string[];
}
