import { booleanFlag, durationFlag, type FlagValues, stringFlag } from "./flags/flag.ts";

/** Flags before the command. The address and its timeout are the real ctr's: taken so that scripts run unchanged. */
export const globalFlags = {
  debug: booleanFlag("show what fails in full, and no progress"),
  root: stringFlag("directory of persistent state", {
    default: "/var/lib/ctr",
    env: "CTR_ROOT",
    placeholder: "DIR",
    completion: "directories",
  }),
  state: stringFlag("directory of the state of this boot", {
    default: "/run/ctr",
    env: "CTR_STATE",
    placeholder: "DIR",
    completion: "directories",
  }),
  namespace: stringFlag("namespace to work in", {
    alias: "n",
    default: "default",
    env: "CONTAINERD_NAMESPACE",
    placeholder: "NAME",
    completion: "namespaces",
  }),
  config: stringFlag("file that names snapshot plugins; without it /etc/ctr/config.toml or containerd's", {
    env: "CTR_CONFIG",
    placeholder: "FILE",
    completion: "files",
  }),
  timeout: durationFlag("give up after this long; 0 never does", { default: 0 }),
  connectTimeout: durationFlag("has no effect: there is no daemon to connect to", { default: 0 }),
  address: stringFlag("has no effect: there is no daemon to connect to", {
    alias: "a",
    default: "/run/containerd/containerd.sock",
    env: "CONTAINERD_ADDRESS",
    placeholder: "PATH",
    completion: "files",
  }),
};

export type GlobalValues = FlagValues<typeof globalFlags>;
