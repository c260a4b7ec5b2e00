import type { Group } from "../command.ts";
import { snapshotterFlags } from "../flags/snapshotter.ts";

/** Every command, once. A line names it (the first name is the main one) and says where its definition is. */
export const commands: Group = {
  names: ["ctr"],
  summary: "pull, store and run containers",
  members: [
    { names: ["version"], load: () => import("./version.ts") },
    { names: ["run"], load: () => import("./run.ts") },
    {
      names: ["containers", "c", "container"],
      summary: "manage containers",
      members: [
        { names: ["create"], load: () => import("./containers/create.ts") },
        { names: ["delete", "del", "remove", "rm"], load: () => import("./containers/delete.ts") },
        { names: ["info"], load: () => import("./containers/info.ts") },
        { names: ["list", "ls"], load: () => import("./containers/list.ts") },
        { names: ["label"], load: () => import("./containers/label.ts") },
      ],
    },
    {
      names: ["content"],
      summary: "manage blobs",
      members: [
        { names: ["active"], load: () => import("./content/active.ts") },
        { names: ["delete", "del", "remove", "rm"], load: () => import("./content/delete.ts") },
        { names: ["edit"], load: () => import("./content/edit.ts") },
        { names: ["get"], load: () => import("./content/get.ts") },
        { names: ["ingest"], load: () => import("./content/ingest.ts") },
        { names: ["list", "ls"], load: () => import("./content/list.ts") },
        { names: ["label"], load: () => import("./content/label.ts") },
        {
          names: ["prune"],
          summary: "prune what keeps blobs",
          members: [{ names: ["references"], load: () => import("./content/prune-references.ts") }],
        },
      ],
    },
    {
      names: ["images", "image", "i"],
      summary: "manage images",
      members: [
        { names: ["check"], load: () => import("./images/check.ts") },
        { names: ["convert"], load: () => import("./images/convert.ts") },
        { names: ["inspect", "i"], load: () => import("./images/inspect.ts") },
        { names: ["list", "ls"], load: () => import("./images/list.ts") },
        { names: ["mount"], load: () => import("./images/mount.ts") },
        { names: ["pull"], load: () => import("./images/pull.ts") },
        { names: ["prune"], load: () => import("./images/prune.ts") },
        { names: ["delete", "del", "remove", "rm"], load: () => import("./images/delete.ts") },
        { names: ["tag"], load: () => import("./images/tag.ts") },
        { names: ["label"], load: () => import("./images/label.ts") },
        { names: ["unmount"], load: () => import("./images/unmount.ts") },
        { names: ["usage"], load: () => import("./images/usage.ts") },
      ],
    },
    {
      names: ["leases"],
      summary: "keep things from being collected",
      members: [
        { names: ["list", "ls"], load: () => import("./leases/list.ts") },
        { names: ["create"], load: () => import("./leases/create.ts") },
        { names: ["delete", "del", "remove", "rm"], load: () => import("./leases/delete.ts") },
      ],
    },
    {
      names: ["namespaces", "namespace", "ns"],
      summary: "manage namespaces",
      members: [
        { names: ["create", "c"], load: () => import("./namespaces/create.ts") },
        { names: ["list", "ls"], load: () => import("./namespaces/list.ts") },
        { names: ["remove", "rm"], load: () => import("./namespaces/remove.ts") },
        { names: ["label"], load: () => import("./namespaces/label.ts") },
      ],
    },
    {
      names: ["snapshots", "snapshot"],
      summary: "manage snapshots",
      flags: snapshotterFlags,
      members: [
        { names: ["commit"], load: () => import("./snapshots/commit.ts") },
        { names: ["info"], load: () => import("./snapshots/info.ts") },
        { names: ["list", "ls"], load: () => import("./snapshots/list.ts") },
        { names: ["mounts", "m", "mount"], load: () => import("./snapshots/mounts.ts") },
        { names: ["prepare"], load: () => import("./snapshots/prepare.ts") },
        { names: ["delete", "del", "remove", "rm"], load: () => import("./snapshots/delete.ts") },
        { names: ["label"], load: () => import("./snapshots/label.ts") },
        { names: ["tree"], load: () => import("./snapshots/tree.ts") },
        { names: ["usage"], load: () => import("./snapshots/usage.ts") },
        { names: ["view"], load: () => import("./snapshots/view.ts") },
      ],
    },
    {
      names: ["tasks", "t", "task"],
      summary: "manage tasks, the running side of containers",
      members: [
        { names: ["attach"], load: () => import("./tasks/attach.ts") },
        { names: ["delete", "del", "remove", "rm"], load: () => import("./tasks/delete.ts") },
        { names: ["exec"], load: () => import("./tasks/exec.ts") },
        { names: ["list", "ls"], load: () => import("./tasks/list.ts") },
        { names: ["kill"], load: () => import("./tasks/kill.ts") },
        { names: ["logs"], load: () => import("./tasks/logs.ts") },
        { names: ["pause"], load: () => import("./tasks/pause.ts") },
        { names: ["ps"], load: () => import("./tasks/ps.ts") },
        { names: ["resume"], load: () => import("./tasks/resume.ts") },
        { names: ["start"], load: () => import("./tasks/start.ts") },
        { names: ["wait"], load: () => import("./tasks/wait.ts") },
      ],
    },
    {
      names: ["oci"],
      summary: "OCI tools",
      members: [{ names: ["spec"], load: () => import("./oci/spec.ts") }],
    },
    { names: ["_collect"], hidden: true, load: () => import("./collect.ts") },
    { names: ["_reap"], hidden: true, load: () => import("./reap.ts") },
  ],
};
