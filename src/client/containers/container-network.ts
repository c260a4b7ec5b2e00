import { existsSync } from "node:fs";
import { join } from "node:path";
import type { NetworkAddress } from "../../core/network.ts";
import type { Container, TypedValue } from "../../core/records.ts";
import type { StartTask } from "../../core/task.ts";
import { collectInBackground } from "../collect.ts";
import type { Client } from "../open.ts";
import { internalCommand } from "../own-command.ts";

const EXTENSION = "ctr.cni-containerd.metadata";

/** How containerd's ctr notes that a container wants a network by CNI. */
export const WANTS_NETWORK: Readonly<Record<string, TypedValue>> = {
  [EXTENSION]: {
    typeUrl: "github.com/containerd/containerd/cmd/ctr/commands/NetworkMetaData",
    value: Buffer.from('{"EnableCni":true}').toString("base64"),
  },
};

export function wantsNetwork({ extensions }: Container): boolean {
  const value = extensions[EXTENSION]?.value ?? "";
  // Go reads names of fields in any case.
  return /"enablecni"\s*:\s*true/i.test(Buffer.from(value, "base64").toString());
}

export interface NetworkOptions {
  /** Each ends what is being done to attach the container. */
  signal?: AbortSignal;
  interrupted?: AbortSignal;
  /** Is told what plugins say. */
  log?: (line: string) => void;
  /** Is told that a network could not be given back, which does not make the task fail. `system check` tells, too. */
  onNetworkKept?: (reason: unknown) => void;
}

export interface TaskNetwork extends Required<Pick<StartTask, "beforeStart" | "whenAbandoned">> {
  /** For the end of the task; never throws. */
  leave(): Promise<void>;
}

/** What a task needs in order to be in the default network for as long as it lives. Throws when there is no such network. */
export async function taskNetwork(client: Client, id: string, options: NetworkOptions): Promise<TaskNetwork> {
  const networks = await client.networks();
  const network = networks.configured();
  let isAttached = false;
  return {
    async beforeStart(pid, interrupted) {
      const signals = [options.signal, options.interrupted, interrupted];
      const signal = AbortSignal.any(signals.filter((one) => one !== undefined));
      const addresses = await network.attach({ id, pid, signal, log: options.log });
      isAttached = true;
      if (networks.hasForgotten()) collectInBackground(client);
      for (const { interface: name, address } of addresses)
        options.log?.(`${network.name}: ${name} ${address}`);
    },
    whenAbandoned: internalCommand(client, "_reap", id),
    async leave() {
      if (!isAttached) return;
      try {
        await networks.release(id);
      } catch (error) {
        options.onNetworkKept?.(error);
      }
    },
  };
}

/** Takes a container that has ended out of its network, if it is in one. Throws with a plugin's words. */
export async function releaseNetwork(client: Client, id: string): Promise<void> {
  if (usesNetworks(client)) await (await client.networks()).release(id);
}

/** Tells the addresses of containers; none for one that is in no network. */
export async function networkAddresses(client: Client): Promise<(id: string) => NetworkAddress[]> {
  if (!usesNetworks(client)) return () => [];
  const networks = await client.networks();
  return (id) => networks.addresses(id);
}

/** Where nobody ever did, nothing has to be loaded to know that there is nothing. */
export const usesNetworks = ({ root }: Client): boolean => existsSync(join(root, "networks"));
