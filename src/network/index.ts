import { join } from "node:path";
import { hasCode } from "../core/errors.ts";
import type { Networks } from "../core/network.ts";
import {
  type Attachments,
  addAttachment,
  attachmentsOver,
  hasForgotten,
  releaseAttachment,
} from "./attachments.ts";
import { readDefaultNetwork } from "./config.ts";
import { openNetworkLocks } from "./network-lock.ts";
import { addressesOf } from "./plugin-result.ts";
import { bootedProcess, openRecords } from "./records.ts";
import { readSettings } from "./settings.ts";

export interface NetworksOptions {
  root: string;
  state: string;
  namespace: string;
  /** Ends the names that plugins know containers by, which are the whole machine's: the same ids may be in use elsewhere. */
  idSuffix: string;
  /** Of the calling process: it says where configurations and plugins are, and is the plugins' own. */
  environment: NodeJS.ProcessEnv;
}

const INTERFACE = "eth0";

/** Touches nothing on disk until it is used. */
export function openNetworks({ root, state, namespace, idSuffix, environment }: NetworksOptions): Networks {
  const records = openRecords(join(root, "networks"));
  const attachments: Attachments = { records, locks: openNetworkLocks(root) };
  const nameOf = (id: string) => `${namespace}-${id}${idSuffix}`;
  return {
    configured() {
      const { configDirectory, pluginDirectories, args, capabilityArgs } = readSettings(environment);
      const network = readDefaultNetwork(configDirectory);
      return {
        name: network.name,
        attach: async ({ id, pid, ...options }) => {
          const name = nameOf(id);
          const record = {
            namespace,
            id,
            network,
            interfaceName: INTERFACE,
            netns: join(state, "netns", name),
            pluginDirectories,
            args,
            capabilityArgs,
            process: bootedProcess(pid),
          };
          return addAttachment(attachments, name, record, options);
        },
      };
    },
    release: (id) =>
      releaseAttachment(
        attachments,
        nameOf(id),
        (record) => record.namespace === namespace && record.id === id,
      ),
    addresses(id) {
      try {
        const record = records.get(nameOf(id));
        const isOwn = record?.namespace === namespace && record.id === id;
        return isOwn && record.result ? addressesOf(record.result, record.interfaceName) : [];
      } catch (error) {
        if (hasCode(error, "DataLoss", "InvalidArgument")) return [];
        throw error;
      }
    },
    hasForgotten: () => hasForgotten(attachments),
    stale: () => [
      ...attachmentsOver(records).map(({ containerId, record }) => ({
        namespace: record?.namespace,
        id: record?.id ?? containerId,
        release: () => releaseAttachment(attachments, containerId, () => true),
      })),
      ...records.drafts().map((name) => ({
        namespace: undefined,
        id: name,
        release: async () => records.remove(name),
      })),
    ],
  };
}
